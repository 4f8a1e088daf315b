import { expect, test, withoutIsolation } from '../fixtures.js'

test('a task that waits is dropped at once, with the reason', async ({ page }) => {
  const { error, next, order } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const blocker = pool.run(({ context }) => new Promise((resolve) => (context.onData = resolve)))
    await until(pool.runningTasks$, (tasks) => tasks.length === 1)
    const waiting = pool.run(() => 'ran', undefined, { title: 'waiting' })
    const next = pool.run(() => 'next')
    const order: string[] = []
    waiting.message$.subscribe(({ type }) => order.push(type))
    waiting.cancel({ code: 7 })
    waiting.cancel('again')
    order.push('cancelled')
    blocker.send('go')
    return { error: await rejection(waiting), next: await next, order }
  })
  expect(error).toMatchObject({ code: 'cancelled', reason: 'Cancelled', cause: { code: 7 } })
  expect(error.message).toContain('waiting')
  expect(order).toEqual(['Exit', 'cancelled'])
  expect(next).toBe('next')
})

test('JavaScript that listens to its signal ends by itself, and keeps its worker', async ({ page }) => {
  const { error, heard, workers } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, cancelGrace: 60_000 } })
    const controller = new AbortController()
    const task = pool.run(
      ({ context }) =>
        new Promise((_, reject) => {
          context.signal.onabort = () => {
            context.sendData({ reason: context.signal.reason.message })
            reject(context.signal.reason)
          }
          context.info('listening')
        }),
      undefined,
      { signal: controller.signal },
    )
    task.message$.subscribe(({ type }) => type === 'Log' && controller.abort(new Error('changed my mind')))
    const error = await rejection(task)
    const heard = (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Data' ? [data['reason']] : []))
    return { error, heard, workers: await pool.run(({ workerId }) => workerId) }
  })
  expect(error).toMatchObject({ reason: 'Cancelled', cause: { message: 'changed my mind' } })
  expect(heard).toEqual(['changed my mind'])
  expect(workers).toBe('w1')
})

test('a JavaScript loop without end loses its worker after the grace time; a spare takes over', async ({ page }) => {
  const { error, next, workers } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, spares: 1, cancelGrace: 50 } })
    const loop = pool.run(
      ({ context }) => {
        context.info('looping')
        for (;;);
      },
      undefined,
      { targetWorkerId: 'w1' },
    )
    await until(pool.workers$, (workers) => 'w2' in workers)
    const next = pool.run(({ workerId }) => workerId)
    loop.cancel()
    const error = await rejection(loop)
    const ran = await next
    await until(pool.workers$, (workers) => 'w3' in workers)
    return { error, next: ran, workers: Object.keys(pool.workers$.value).sort() }
  })
  expect(error).toMatchObject({ reason: 'Cancelled', cause: { name: 'AbortError' } })
  expect(next).toBe('w2')
  expect(workers).toEqual(['w2', 'w3'])
})

test('a signal that is already aborted cancels at the call; one that aborts later than the end does nothing', async ({
  page,
}) => {
  const { early, late } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    await pool.ready()
    const started: string[] = []
    pool.mergedChannel$.subscribe(({ type, data }) => type === 'Start' && started.push(data.taskId))
    const early = await rejection(pool.run(() => 1, undefined, { signal: AbortSignal.abort('too late') }))
    if (started.length > 0) throw new Error('it was started all the same')
    const controller = new AbortController()
    const late = await pool.run(() => 'done', undefined, { signal: controller.signal })
    controller.abort()
    return { early, late }
  })
  expect(early).toMatchObject({ reason: 'Cancelled', cause: 'too late' })
  expect(late).toBe('done')
})

test('a Python loop is interrupted where it stands, and its worker stays', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, cancelGrace: 30_000 } })
    await pool.ready()
    const loop = pool.python('print("in")\nwhile True: pass')
    await until(loop.message$, ({ type }) => type === 'Log')
    loop.cancel('enough')
    const error = await rejection(loop)
    const slow = await rejection(pool.python('while True: pass', {}, { timeout: 100 }))
    return { error, slow, isolated: crossOriginIsolated, next: await pool.run(({ workerId }) => workerId), two: await pool.python('1 + 1') }
  })
  expect(seen.isolated).toBe(true)
  expect(seen.error).toMatchObject({ reason: 'Cancelled', cause: 'enough' })
  expect(seen.slow).toMatchObject({ reason: 'TimedOut', code: 'timed-out' })
  expect(seen.next).toBe('w1')
  expect(seen.two).toBe(2)
})

test('an interrupt that Python swallows is raised again, and none reaches the next task', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection, until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, cancelGrace: 30_000 } })
    const stubborn = pool.python(`
class Held:
    def __del__(self):
        print("in")
        while True: pass

held = Held()
del held
while True: pass`)
    await until(stubborn.message$, ({ type }) => type === 'Log')
    stubborn.cancel()
    const reasons = new Set([(await rejection(stubborn)).reason])
    const sums = new Set<unknown>()
    const lines = new Set<unknown>()
    for (let round = 0; round < 20; round++) {
      const loop = pool.python('print("in")\nwhile True: pass')
      await until(loop.message$, ({ type }) => type === 'Log')
      loop.cancel()
      const next = pool.python('print("next")\nsum(1 for _ in range(50_000))')
      reasons.add((await rejection(loop)).reason)
      // Some are stopped before they run, or as they begin to.
      const early = rejection(pool.python('while True: pass', {}, { timeout: 1 + (round % 5) }))
      sums.add(await next)
      reasons.add((await early).reason)
      for (const { type, data } of await collect(next.message$)) if (type === 'Log') lines.add(data.text)
    }
    return { reasons: [...reasons], sums: [...sums], lines: [...lines], worker: await pool.run(({ workerId }) => workerId) }
  })
  expect(seen).toEqual({ reasons: ['Cancelled', 'TimedOut'], sums: [50_000], lines: ['next'], worker: 'w1' })
})

for (const isolated of [true, false]) {
  test(`Python that waits is cancelled where it waits, and has time to clean up (isolated: ${isolated})`, async ({ page }) => {
    if (!isolated) await withoutIsolation(page)
    const seen = await page.evaluate(async () => {
      const { WorkersPool } = await import('millhand')
      const { collect, rejection, until } = await import('support')
      const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, cancelGrace: 30_000 } })
      const task = pool.python(`
import asyncio
asyncio.get_running_loop().call_soon(print, "in")
try:
    await asyncio.sleep(3600)
except asyncio.CancelledError:
    await asyncio.sleep(0.2)
    sum(1 for _ in range(50_000))
    print("cleaned up")
    raise`)
      await until(task.message$, ({ type }) => type === 'Log')
      task.cancel('enough')
      const error = await rejection(task)
      const slow = await rejection(pool.python('import asyncio\nawait asyncio.sleep(3600)', {}, { timeout: 50 }))
      const lines = (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Log' ? [data.text] : []))
      return {
        error,
        slow,
        lines,
        isolated: crossOriginIsolated,
        next: await pool.python('1 + 1'),
        worker: await pool.run(({ workerId }) => workerId),
      }
    })
    expect(seen.isolated).toBe(isolated)
    expect(seen.error).toMatchObject({ reason: 'Cancelled', cause: 'enough' })
    expect(seen.slow).toMatchObject({ reason: 'TimedOut' })
    expect(seen.lines).toEqual(['in', 'cleaned up'])
    expect(seen.next).toBe(2)
    expect(seen.worker).toBe('w1')
  })
}

test('where pages share no memory, a Python loop loses its worker, and the pool goes on', async ({ page }) => {
  await withoutIsolation(page)
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, cancelGrace: 100 } })
    const loop = pool.python('print("in")\nwhile True: pass')
    await until(loop.message$, ({ type }) => type === 'Log')
    loop.cancel()
    const error = await rejection(loop)
    return { error, isolated: crossOriginIsolated, next: await pool.run(({ workerId }) => workerId), two: await pool.python('1 + 1') }
  })
  expect(seen.isolated).toBe(false)
  expect(seen.error.reason).toBe('Cancelled')
  expect(seen.next).toBe('w2')
  expect(seen.two).toBe(2)
})

test('a task that runs for too long times out; one that waits for too long does too', async ({ page }) => {
  const { run, queue, defaults, signal } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, cancelGrace: 10_000, defaults: { timeout: 100 } } })
    await pool.ready()
    const task = pool.run(
      ({ context }) =>
        new Promise((_, reject) => {
          context.signal.onabort = () => {
            context.info(context.signal.reason.name)
            reject(context.signal.reason)
          }
        }),
      undefined,
      { timeout: 50 },
    )
    const queue = await rejection(pool.run(() => 1, undefined, { queueTimeout: 5 }))
    const run = await rejection(task)
    const signal = (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Log' ? [data.text] : []))
    const defaults = await rejection(
      pool.run(({ context }) => new Promise((_, reject) => (context.signal.onabort = () => reject(new Error('ended'))))),
    )
    return { run, queue, defaults, signal }
  })
  expect(run).toMatchObject({ code: 'timed-out', reason: 'TimedOut' })
  expect(queue).toMatchObject({ code: 'queue-timed-out', reason: 'QueueTimedOut' })
  expect(defaults).toMatchObject({ reason: 'TimedOut' })
  expect(signal).toEqual(['TimeoutError'])
})

test('a task is retried when its worker dies, and a poison task ends without ending the pool', async ({ page }) => {
  const { results, poison, starts, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2 } })
    const die = () => {
      self.close()
      return new Promise(() => {})
    }
    const flaky = pool.run(
      ({ workerId }) => {
        if (workerId !== 'w1') return workerId
        self.close()
        return new Promise<string>(() => {})
      },
      undefined,
      { retries: 1 },
    )
    const results = [await flaky]
    const poison = pool.run(die, undefined, { retries: 2, title: 'poison' })
    const error = await rejection(poison)
    const starts = (await collect(poison.message$)).map(({ type, data }) => `${type} ${data.workerId}`)
    return { results, poison: error, starts, next: await pool.run(() => 'fine') }
  })
  expect(results).not.toEqual(['w1'])
  expect(poison).toMatchObject({ reason: 'WorkerLost' })
  expect(starts).toHaveLength(4)
  expect(new Set(starts.slice(0, 3)).size).toBe(3)
  expect(next).toBe('fine')
})

test('a signal’s reason is an error in the task as it is in the page', async ({ page }) => {
  const heard = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, cancelGrace: 60_000 } })
    const listen = ({ context }: { context: import('millhand').WorkerContext }) =>
      new Promise((_, reject) => {
        context.signal.onabort = () => {
          const { reason } = context.signal
          context.sendData([reason instanceof Error, reason?.name, reason?.message ?? reason])
          reject(reason)
        }
        context.info('listening')
      })
    const reasons: unknown[] = []
    for (const reason of [undefined, new RangeError('too far'), 'a word']) {
      const task = pool.run(listen)
      task.message$.subscribe(({ type }) => type === 'Log' && task.cancel(reason))
      const messages = await collect(task.message$)
      reasons.push(...messages.flatMap(({ type, data }) => (type === 'Data' ? [data['payload']] : [])))
    }
    return reasons
  })
  expect(heard).toEqual([
    [true, 'AbortError', 'the task was cancelled'],
    [true, 'RangeError', 'too far'],
    [false, undefined, 'a word'],
  ])
})

test('data for a task that waits for its retry reaches it there', async ({ page }) => {
  const result = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const task = pool.run(
      ({ context, workerId }) => {
        if (workerId === 'w1') self.close()
        return new Promise((resolve) => (context.onData = resolve))
      },
      undefined,
      { retries: 1 },
    )
    // At that moment the task waits, for there is no other worker.
    pool.startedWorkers$.subscribe((ids) => ids.includes('w2') && !ids.includes('w1') && task.send('for the second try'))
    return task
  })
  expect(result).toBe('for the second try')
})

test('nothing is moved by a call that is refused', async ({ page }) => {
  const { size, errors } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const pool = new WorkersPool()
    const buffer = new ArrayBuffer(8)
    const errors = [
      thrown(() => pool.run(() => 1, buffer, { transfer: [buffer], priority: 0.5 })).field,
      thrown(() => pool.run(() => 1, buffer, { transfer: [buffer], retries: 1 })).field,
      thrown(() => pool.use<{ talk: (x: unknown) => void }>('/tasks.js', { transfer: [buffer], retries: 1 }).talk(buffer)).field,
    ]
    return { size: buffer.byteLength, errors }
  })
  expect(errors).toEqual(['priority', 'transfer', 'transfer'])
  expect(size).toBe(8)
})
