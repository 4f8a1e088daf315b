import { expect, test } from '../fixtures.js'

test('a thrown error keeps its name, message, stack, cause and own properties', async ({ page }) => {
  const { error, exit } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool()
    const task = pool.run(function explode(): never {
      const cause = new TypeError('the root')
      throw Object.assign(new RangeError('too far', { cause }), { limit: 3, callback: () => 1 })
    })
    const error = await rejection(task)
    const exit = (await collect(task.message$)).at(-1)
    return { error, exit: exit?.type === 'Exit' ? { ...exit.data, result: String(exit.data.result) } : null }
  })
  expect(error).toMatchObject({ name: 'TaskError', code: 'task-threw', reason: 'Threw', isError: true })
  expect(error.message).toBe('the task threw RangeError: too far')
  expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too far', own: { limit: 3 }, isError: true })
  expect(error.cause?.stack).toContain('explode')
  expect(error.cause?.stack).toContain('millhand/function-')
  expect(error.cause?.cause).toMatchObject({ name: 'TypeError', message: 'the root' })
  expect(exit).toEqual({ taskId: 't1', workerId: 'w1', error: true, reason: 'Threw', result: 'RangeError: too far' })
})

test('an AggregateError and a thrown value that is no error arrive as they were', async ({ page }) => {
  const { messages, value } = await page.evaluate(async () => {
    const { RemoteError, TaskError, WorkersPool } = await import('millhand')
    const pool = new WorkersPool()
    const fail = async (task: PromiseLike<unknown>): Promise<Error> => {
      const error = await task.then(
        () => undefined,
        (error: unknown) => error,
      )
      return (error instanceof TaskError ? error.cause : error) as Error
    }
    const aggregate = await fail(
      pool.run(() => {
        throw new AggregateError([new Error('one'), new RangeError('two')], 'both')
      }),
    )
    const value = await fail(
      pool.run(() => {
        throw { status: 418 }
      }),
    )
    const messages = aggregate instanceof RemoteError ? aggregate.errors?.map(String) : null
    return { messages, value: { message: value.message, cause: value.cause } }
  })
  expect(messages).toEqual(['Error: one', 'RangeError: two'])
  expect(value).toEqual({ message: 'a value that is no error was thrown: {"status":418}', cause: { status: 418 } })
})

test('a result that cannot be cloned is an exit of its own, with advice', async ({ page }) => {
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool().run(() => ({ callback: () => 1 })))
  })
  expect(error).toMatchObject({ code: 'unclonable', reason: 'Unclonable' })
  expect(error.message).toContain('cannot be cloned')
  expect(error.hint).toContain('plain data')
})

test('arguments that only the sending can refuse are an exit too, and the pool goes on', async ({ page }) => {
  const { error, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    const detached = new ArrayBuffer(8)
    structuredClone(detached, { transfer: [detached] })
    const error = await rejection(pool.run(({ args }) => args, { detached }))
    return { error, next: await pool.run(() => 'fine') }
  })
  expect(error).toMatchObject({ code: 'unclonable', reason: 'Unclonable' })
  expect(next).toBe('fine')
})

test('a worker that dies in the middle of a task loses that task alone', async ({ page }) => {
  const { error, results, workers } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const dying = pool.run(
      () => {
        self.close()
        return new Promise(() => {})
      },
      undefined,
      { title: 'dying' },
    )
    const queued = [1, 2, 3].map((n) => pool.run(({ args }) => args * 10, n))
    const error = await rejection(dying)
    const results = await Promise.all(queued)
    await until(pool.stats$, (stats) => stats.idle === 1)
    return { error, results, workers: Object.keys(pool.workers$.value) }
  })
  expect(error).toMatchObject({ code: 'worker-lost', reason: 'WorkerLost' })
  expect(error.message).toContain('dying')
  expect(results).toEqual([10, 20, 30])
  expect(workers).toEqual(['w2'])
})

test('an uncaught error outside of the task ends its worker, as it would end a thread of Node', async ({ page }) => {
  const { error, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const error = await rejection(
      pool.run(() => {
        setTimeout(() => {
          throw new Error('from a timer')
        })
        return new Promise(() => {})
      }),
    )
    return { error, next: await pool.run(() => 'fine') }
  })
  expect(error.reason).toBe('WorkerLost')
  expect(error.message).toContain('from a timer')
  expect(next).toBe('fine')
})

test('a task for a worker that is gone exits WorkerLost', async ({ page }) => {
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    await pool.ready()
    await rejection(
      pool.run(
        () => {
          self.close()
          return new Promise(() => {})
        },
        undefined,
        { targetWorkerId: 'w1' },
      ),
    )
    return rejection(pool.run(() => 1, undefined, { targetWorkerId: 'w1' }))
  })
  expect(error).toMatchObject({ code: 'worker-lost', reason: 'WorkerLost' })
})

test('terminating ends running and queued tasks, each once, and all observables', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    await pool.ready()
    const streams = Array.from({ length: 6 }, () => pool.schedule({ entryPoint: () => new Promise(() => {}) }))
    await until(pool.runningTasks$, (tasks) => tasks.length === 2)
    const completed = Promise.all([
      collect(pool.workers$),
      collect(pool.busyWorkers$),
      collect(pool.runningTasks$),
      collect(pool.startedWorkers$),
      collect(pool.mergedChannel$),
      collect(pool.cdnEvent$),
    ])
    pool.terminate()
    pool.terminate()
    const tasks = await Promise.all(streams.map(collect))
    const [workers, busy, running, started] = (await completed).map((values) => values.at(-1))
    return {
      tasks: tasks.map((messages) => messages.map(({ type, data }) => (type === 'Exit' ? data.reason : type))),
      last: { workers, busy, running, started },
      ready: await rejection(pool.reserve({ workersCount: 1 })),
      exits: pool.stats$.value.exits.PoolTerminated,
      after: await rejection(pool.run(() => 1)),
    }
  })
  const ran = ['Start', 'PoolTerminated']
  const waited = ['PoolTerminated']
  expect(seen.tasks).toEqual([ran, ran, waited, waited, waited, waited])
  expect(seen.last).toEqual({ workers: {}, busy: [], running: [], started: [] })
  expect(seen.ready).toMatchObject({ code: 'pool-terminated' })
  expect(seen.after).toMatchObject({ code: 'pool-terminated', reason: 'PoolTerminated' })
  expect(seen.exits).toBe(6)
})

test('a pool whose worker script cannot be loaded fails with that cause', async ({ page }) => {
  await page.route('**/millhand/worker.js', (route) => route.fulfill({ status: 404, body: 'gone' }))
  const { ready, task } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    const task = rejection(pool.run(() => 1))
    return { ready: await rejection(pool.ready()), task: await task }
  })
  expect(ready).toMatchObject({ name: 'InstallError', code: 'install-failed' })
  expect(ready.message).toMatch(/worker's script `.*worker\.js` could not be loaded/)
  expect(task).toMatchObject({ code: 'install-failed', reason: 'InstallFailed' })
})

test('a worker that boots without end is given up at its deadline', async ({ page }) => {
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({
      postInstallTasks: [{ title: 'stall', entryPoint: () => new Promise(() => {}) }],
      pool: { startAt: 1, stretchTo: 1, bootTimeout: 200 },
    })
    return rejection(pool.ready())
  })
  expect(error.code).toBe('install-failed')
  expect(error.message).toContain('no progress within the boot timeout')
})
