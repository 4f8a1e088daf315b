import { expect, test } from '../fixtures.js'

/** Mistakes that are easily made: each is told by its name, with what to do. */

test('calls that are written wrongly say how they are written', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, thrown } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2 } })
    const array = new Uint8Array(8)
    const moved = new ArrayBuffer(8)
    structuredClone(moved, { transfer: [moved] })
    const errors = {
      arguments: thrown(() => pool.run(({ args }) => args, 1, 2 as unknown as object)),
      reserve: await rejection(pool.reserve(2 as unknown as { workersCount: number })),
      array: thrown(() => pool.run(() => 1, array, { transfer: [array as unknown as ArrayBuffer] })),
      moved: thrown(() => pool.run(() => 1, 1, { transfer: [moved] })),
      emptied: thrown(() => pool.run(() => 1, { part: new DataView(new ArrayBuffer(1)), moved })),
      twice: thrown(() => pool.run(() => 1, array, { transfer: [array.buffer, array.buffer] })),
    }
    return Object.fromEntries(Object.entries(errors).map(([name, { field, message, hint }]) => [name, { field, message, hint }]))
  })
  expect(seen).toMatchObject({
    arguments: { field: 'options', hint: expect.stringContaining('several as an array or an object') },
    reserve: { field: 'reserve', hint: expect.stringContaining('reserve({ workersCount: 2 })') },
    array: { field: 'transfer[0]', hint: expect.stringContaining('array.buffer') },
    moved: { field: 'transfer[0]', message: expect.stringContaining('has been moved before') },
    emptied: { field: 'args.moved', message: expect.stringContaining('a buffer that was moved before') },
    twice: { field: 'transfer[1]', message: expect.stringContaining('is in the list twice') },
  })
})

test('failures of a task name the task, the item, and what would help', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const failThird = (item: number) => {
      if (item === 30) throw new RangeError('no thirty')
      return item
    }
    const all = async (results: AsyncIterable<unknown>) => {
      for await (const result of results) void result
    }
    const errors = {
      item: await rejection(all(pool.map([10, 20, 30], failThird, { chunk: 3 }))),
      python: await rejection(pool.run(({ workerScope }) => workerScope['pyodide'].runPython('1'))),
      other: await rejection(pool.run(() => (null as unknown as { x: number }).x)),
      foreign: await rejection(
        pool.run(
          () => {
            self.postMessage('hello')
            return new Promise(() => {})
          },
          undefined,
          { title: 'talker' },
        ),
      ),
    }
    return Object.fromEntries(Object.entries(errors).map(([name, { message, hint, cause }]) => [name, { message, hint, cause }]))
  })
  expect(seen['item']).toMatchObject({ message: '`failThird` threw RangeError: no thirty (item 2)', cause: { message: 'no thirty' } })
  expect(seen['python']?.hint).toContain('install: { pyodide: [] }')
  expect(seen['other']?.hint).toBeUndefined()
  expect(seen['foreign']?.message).toContain('`talker`')
  expect(seen['foreign']?.hint).toContain('context.sendData')
})

test('an environment that cannot be made says which part of it failed, to the pool and to its tasks', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const warmUp = () => {
      throw new RangeError('too cold')
    }
    const steps: unknown[] = []
    const cdnEvent$ = {
      next: (event: { step: string }) => {
        if (event.step === 'PoolFailed') steps.push(event.step)
      },
    }
    const pool = new WorkersPool({ postInstallTasks: [{ title: 'warm up', entryPoint: warmUp }], cdnEvent$ })
    const task = rejection(pool.run(() => 1))
    const frozen = () => 1
    const globals = new WorkersPool({ globals: { NaN: frozen } })
    const python = new WorkersPool({ install: { pyodide: ['no-such-package'] } })
    return {
      ready: await rejection(pool.ready()),
      task: await task,
      broadcast: await rejection(pool.broadcast(() => 1)),
      steps,
      global: await rejection(globals.ready()),
      hints: [await rejection(python.ready()), await rejection(python.run(() => 1))].map((error) => error.hint),
    }
  })
  expect(seen.ready).toMatchObject({
    message: "the workers' environment cannot be had: the post-install task `warm up`: too cold",
    cause: { name: 'RangeError', message: 'too cold' },
  })
  expect(seen.task.message).toContain('the post-install task `warm up`: too cold')
  expect(seen.broadcast.code).toBe('install-failed')
  expect(seen.steps).toEqual(['PoolFailed'])
  expect(seen.global.message).toContain('the global `NaN`: ')
  expect(seen.hints[0]).toBeTruthy()
  expect(seen.hints[1]).toBe(seen.hints[0])
})

test('what a pool that takes no more tasks answers', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    await pool.ready()
    const drained = pool.drain()
    const answers = {
      run: rejection(pool.run(() => 1)),
      broadcast: rejection(pool.broadcast(() => 1)),
      ready: drained.then(() => rejection(pool.ready())),
      later: drained.then(() => rejection(pool.broadcast(() => 1))),
    }
    const messages: Record<string, string | undefined> = {}
    for (const [name, answer] of Object.entries(answers)) {
      const { code, message } = await answer
      messages[name] = `${code}: ${message.split('\n')[0]}`
    }
    return messages
  })
  expect(seen).toEqual({
    run: 'pool-terminated: `task` was not taken: the pool was drained, and takes no more tasks',
    broadcast: 'pool-terminated: the pool was drained: it takes no more tasks',
    ready: 'pool-terminated: the pool was drained: it takes no more tasks',
    later: 'pool-terminated: the pool was drained: it takes no more tasks',
  })
})

test('a task that waits for one worker learns what that worker died of', async ({ page }) => {
  const causes = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2, cancelGrace: 20 } })
    await pool.ready()
    const waitFor = (targetWorkerId: string) => rejection(pool.run(() => 1, undefined, { targetWorkerId }))
    const dies = rejection(
      pool.run(() => {
        setTimeout(() => {
          throw new Error('from a timer')
        })
        return new Promise(() => {})
      }),
    )
    const died = waitFor('w1')
    await dies
    await pool.reserve({ workersCount: 1 })
    const [id = ''] = Object.keys(pool.workers$.value)
    const loop = rejection(
      pool.run(
        () => {
          for (;;);
        },
        undefined,
        { timeout: 20, targetWorkerId: id },
      ),
    )
    const stubborn = waitFor(id)
    await loop
    return [await died, await stubborn].map(({ reason, cause }) => [reason, cause?.message])
  })
  expect(causes).toEqual([
    ['WorkerLost', expect.stringContaining('from a timer')],
    ['WorkerLost', 'it did not stop a task in time, and was ended'],
  ])
})

test('a pool keeps so many functions and broadcasts, and no more', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, thrown } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 1 } })
    const made = (n: number) => new Function('x', `return x + ${n}`) as (x: number) => number
    for (let n = 0; n < 10_000; n++) pool.map([], made(n))
    const tooMany = thrown(() => pool.map([], made(10_000)))
    const again = pool.map([], made(5))
    await again.next()
    const other = new WorkersPool({ pool: { startAt: 0, stretchTo: 1 } })
    const controller = new AbortController()
    const mark = ({ args, workerScope }: { args: number; workerScope: import('millhand').WorkerScope }) => {
      workerScope['mark'] = [...(workerScope['mark'] ?? []), args]
    }
    await other.broadcast(mark, -1)
    for (let n = 0; n < 999; n++) await other.broadcast(mark, n, { signal: controller.signal })
    const full = await rejection(other.broadcast(mark, 999))
    controller.abort()
    await other.broadcast(mark, 1_000)
    return {
      tooMany,
      full,
      marks: await other.run(({ workerScope }) => workerScope['mark']),
    }
  })
  expect(seen.tooMany).toMatchObject({ code: 'invalid-input', field: 'fn', hint: expect.stringContaining('args') })
  expect(seen.full).toMatchObject({ code: 'rejected', hint: expect.stringContaining('signal') })
  expect(seen.marks).toEqual([-1, 1_000])
})
