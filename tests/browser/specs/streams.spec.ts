import { expect, test } from '../fixtures.js'

test('map gives results in order, from sync and async iterables, in chunks', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    const all = async <T>(iterable: AsyncIterable<T>): Promise<T[]> => {
      const results: T[] = []
      for await (const result of iterable) results.push(result)
      return results
    }
    const numbers = Array.from({ length: 200 }, (_, i) => i)
    async function* slowly() {
      for (const n of [1, 2, 3]) yield n
    }
    const square = (x: number, index: number) => [x * x, index]
    return {
      auto: await all(pool.map(numbers, square)),
      chunked: await all(pool.map(numbers, (x) => x + 1, { chunk: 7 })),
      tasks: pool.stats$.value.exits.Completed,
      unordered: (await all(pool.map(numbers, async (x) => x * 2, { chunk: 1, ordered: false }))).sort((a, b) => a - b),
      fromAsync: await all(pool.map(slowly(), (x) => -x)),
      none: await all(pool.map([] as number[], (x) => x)),
    }
  })
  expect(seen.auto).toEqual(Array.from({ length: 200 }, (_, i) => [i * i, i]))
  expect(seen.chunked).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  expect(seen.tasks).toBeLessThan(200)
  expect(seen.unordered).toEqual(Array.from({ length: 200 }, (_, i) => i * 2))
  expect(seen.fromAsync).toEqual([-1, -2, -3])
  expect(seen.none).toEqual([])
})

test('map takes items only as they can be worked on, and a slow reader holds it back', async ({ page }) => {
  const { pulled, most, closed } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    let pulled = 0
    let closed = false
    function* endless() {
      try {
        for (;;) yield pulled++
      } finally {
        closed = true
      }
    }
    let read = 0
    let most = 0
    for await (const result of pool.map(endless(), (x) => x, { chunk: 1 })) {
      void result
      read += 1
      most = Math.max(most, pulled - read)
      if (read === 50) break
    }
    return { pulled, most, closed }
  })
  expect(pulled).toBeLessThan(60)
  expect(most).toBeLessThanOrEqual(4)
  expect(closed).toBe(true)
})

test('an item that fails ends the map with its error; breaking off and a signal cancel what is under way', async ({
  page,
}) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2, cancelGrace: 10_000 } })
    const drain = async (iterable: AsyncIterable<unknown>) => {
      for await (const result of iterable) void result
    }
    const fails = (x: number) => {
      if (x === 3) throw new RangeError(`no ${x}`)
      return x
    }
    const error = await rejection(drain(pool.map([1, 2, 3, 4], fails, { chunk: 1 })))
    await until(pool.stats$, ({ running, queued }) => running + queued === 0)

    function wait(this: { context: { signal: AbortSignal } }) {
      return new Promise((_, reject) => {
        this.context.signal.onabort = () => reject(this.context.signal.reason)
      })
    }
    const controller = new AbortController()
    const aborted = rejection(drain(pool.map([1, 2, 3, 4], wait, { chunk: 1, signal: controller.signal })))
    await until(pool.runningTasks$, (tasks) => tasks.length === 2)
    controller.abort(new Error('enough'))
    const { message } = await aborted
    await until(pool.stats$, ({ running, queued }) => running + queued === 0)
    return { error, message, exits: pool.stats$.value.exits, workers: Object.keys(pool.workers$.value).sort() }
  })
  expect(seen.error).toMatchObject({ reason: 'Threw', cause: { name: 'RangeError', message: 'no 3' } })
  expect(seen.message).toBe('enough')
  expect(seen.exits.Cancelled).toBeGreaterThanOrEqual(2)
  expect(seen.workers).toEqual(['w1', 'w2'])
})

test('a task can be iterated over, and a reader that is too slow is told so', async ({ page }) => {
  const { payloads, failed, overflow, result } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    const payloads: unknown[] = []
    const task = pool.run(({ context }) => {
      for (let i = 0; i < 3; i++) context.sendData(i)
      return 'end'
    })
    for await (const payload of task) payloads.push(payload)
    const failing = pool.run(({ context }) => {
      context.sendData('first')
      throw new Error('then not')
    })
    const failed = await rejection(
      (async () => {
        for await (const payload of failing) payloads.push(payload)
      })(),
    )
    const flood = pool.run(({ context }) => {
      for (let i = 0; i < 10_050; i++) context.sendData(i)
      return 'sent'
    })
    const iterator = flood[Symbol.asyncIterator]()
    const first = iterator.next()
    await first
    const result = await flood
    const overflow = await rejection(
      (async () => {
        while (!(await iterator.next()).done);
      })(),
    )
    return { payloads, failed, overflow, result }
  })
  expect(payloads).toEqual([0, 1, 2, 'first'])
  expect(failed).toMatchObject({ reason: 'Threw', cause: { message: 'then not' } })
  expect(result).toBe('sent')
  expect(overflow.code).toBe('unread-overflow')
})

test('a late reader gets all that is replayed, however much that is', async ({ page }) => {
  const { count, last } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool()
    const task = pool.run(
      ({ context }) => {
        for (let i = 0; i < 30_000; i++) context.sendData(i)
      },
      undefined,
      { replay: 25_000 },
    )
    await task
    const payloads: unknown[] = []
    for await (const payload of task) payloads.push(payload)
    return { count: payloads.length, last: payloads.at(-1) }
  })
  expect(count).toBe(25_000)
  expect(last).toBe(29_999)
})

test('progress is a log; buffers are moved both ways', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool()
    const buffer = new Uint8Array([1, 2, 3]).buffer
    const task = pool.run(
      ({ args, context }) => {
        context.progress(0.5, 'half')
        const bytes = new Uint8Array(args.buffer)
        context.sendData(context.transfer({ copy: bytes.slice().buffer }, []))
        const result = { buffer: args.buffer, size: args.buffer.byteLength }
        return context.transfer(result, [args.buffer])
      },
      { buffer },
      { transfer: [buffer] },
    )
    const left = buffer.byteLength
    const result = await task
    const logs = (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Log' ? [data] : []))
    return { left, size: result.size, back: [...new Uint8Array(result.buffer)], logs }
  })
  expect(seen.left).toBe(0)
  expect(seen).toMatchObject({ size: 3, back: [1, 2, 3] })
  expect(seen.logs).toMatchObject([{ text: 'half', json: { progress: 0.5 } }])
})

test('a broadcast reaches every worker once, before its other tasks, and those that start later', async ({ page }) => {
  const { first, marks, later } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 3 } })
    const queued = Array.from({ length: 4 }, () => pool.run(({ workerScope }) => workerScope['mark']))
    const first = await pool.broadcast(({ args, workerScope, workerId }) => {
      workerScope['mark'] = (workerScope['mark'] ?? 0) + args
      return workerId
    }, 5)
    const marks = await Promise.all(queued)
    await pool.reserve({ workersCount: 3 })
    const later = await pool.run(({ workerScope }) => workerScope['mark'], undefined, { targetWorkerId: 'w3' })
    return { first, marks, later }
  })
  expect(first.sort()).toEqual(['w1', 'w2'])
  expect(marks).toEqual([5, 5, 5, 5])
  expect(later).toBe(5)
})

test('a module’s functions run in the pool, with what they import and close over', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    interface Tasks {
      addOffset: (x: number) => number
      countCalls: () => number
      talk: (text: string) => Promise<string>
      fail: (message: string) => never
      notAFunction: () => void
      missing: () => void
    }
    const tasks = pool.use<Tasks>(new URL('/tasks.js', location.href))
    const sums = [await tasks.addOffset(1), await tasks.addOffset(2)]
    const talk = tasks.talk('hello')
    const messages = await collect(talk.message$)
    const mapped: number[] = []
    for await (const sum of pool.map([10, 20], tasks.addOffset)) mapped.push(sum)
    return {
      sums,
      calls: await tasks.countCalls(),
      talk: await talk,
      logs: messages.flatMap(({ type, data }) => (type === 'Log' ? [data.text] : [])),
      mapped,
      failed: await rejection(tasks.fail('on purpose')),
      notAFunction: await rejection(tasks.notAFunction()),
      missing: await rejection(tasks.missing()),
      broken: await rejection(pool.use<Tasks>('/broken.js').countCalls()),
      absent: await rejection(pool.use<Tasks>('/absent.js').countCalls()),
      next: await pool.run(() => 'fine'),
    }
  })
  expect(seen.sums).toEqual([101, 102])
  expect(seen.mapped).toEqual([110, 120])
  expect(seen.calls).toBe(4)
  expect(seen.talk).toMatch(/^t\d+ on w1$/)
  expect(seen.logs).toEqual(['hello'])
  expect(seen.failed.cause).toMatchObject({ name: 'RangeError', message: 'on purpose' })
  expect(seen.notAFunction.message).toContain('`notAFunction` is no function that')
  expect(seen.missing.message).toContain('it exports addOffset, countCalls, fail, notAFunction, talk')
  expect(seen.broken.message).toContain('this module cannot be imported')
  expect(seen.absent.reason).toBe('Threw')
  expect(seen.next).toBe('fine')
})

test('a module whose import never ends is a task that times out', async ({ page }) => {
  const { error, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, cancelGrace: 50 } })
    const tasks = pool.use<{ never: () => number }>('/endless.js', { timeout: 200 })
    return { error: await rejection(tasks.never()), next: await pool.run(() => 'fine') }
  })
  expect(error.reason).toBe('TimedOut')
  expect(next).toBe('fine')
})

test('Python source runs with its arguments as a dict', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection, thrown } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 1 } })
    const task = pool.python('print("adding")\nleft = args["left"]\nleft + args["right"][1]', { left: 1, right: [2, 3] })
    return {
      sum: await task,
      logs: (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Log' ? [data.text] : [])),
      apart: await pool.python('"left" in globals()'),
      array: Array.from(await pool.python<Float64Array>('import numpy as np\nnp.ones(2)')),
      error: await rejection(pool.python('args["missing"]')),
      none: thrown(() => new WorkersPool().python('1')),
    }
  })
  expect(seen.sum).toBe(4)
  expect(seen.logs).toEqual(['adding'])
  expect(seen.apart).toBe(false)
  expect(seen.array).toEqual([1, 1])
  expect(seen.error.cause).toMatchObject({ name: 'PythonError', python: { type: 'KeyError' } })
  expect(seen.none).toMatchObject({ code: 'invalid-input', field: 'source' })
})

test('map ends, gives results and shares out work while its source is silent', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    async function* thenSilent(count: number) {
      for (let i = 0; i < count; i++) yield i
      await new Promise(() => {})
    }
    const drain = async (iterable: AsyncIterable<unknown>) => {
      for await (const result of iterable) void result
    }
    let broken = 0
    for await (const result of pool.map(thenSilent(1), (x) => x + 1)) {
      broken = result
      break
    }
    const failed = await rejection(
      drain(
        pool.map(thenSilent(1), () => {
          throw new Error('on the first')
        }),
      ),
    )
    const controller = new AbortController()
    const aborted = rejection(drain(pool.map(thenSilent(0), (x) => x, { signal: controller.signal })))
    controller.abort(new Error('enough'))
    // Chunks grow with quick items, and are not waited for when items become slow.
    const results: number[] = []
    for await (const result of pool.map(thenSilent(100), (x) => x)) {
      results.push(result)
      if (results.length === 100) break
    }
    return { broken, failed: failed.cause?.message, aborted: (await aborted).message, results: results.length }
  })
  expect(seen).toEqual({ broken: 1, failed: 'on the first', aborted: 'enough', results: 100 })
})
