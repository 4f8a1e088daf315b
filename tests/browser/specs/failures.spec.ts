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
  expect(error.message).toBe('`explode` threw RangeError: too far')
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

test('what only the attempt to copy shows is refused at the call too, and the pool goes on', async ({ page }) => {
  const { errors, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const pool = new WorkersPool()
    const detached = new ArrayBuffer(8)
    structuredClone(detached, { transfer: [detached] })
    const getter = {
      get trap(): never {
        throw new RangeError('not to be read')
      },
    }
    const task = pool.run(({ context }) => new Promise((resolve) => (context.onData = resolve)))
    const errors = [
      thrown(() => pool.run(({ args }) => args, { detached })),
      thrown(() => pool.run(({ args }) => args, { reactive: new Proxy({}, {}) })),
      thrown(() => pool.run(({ args }) => args, getter)),
      thrown(() => task.send(new Proxy({}, {}))),
      thrown(() => new WorkersPool({ globals: { answer: new Response() } })),
    ]
    task.send('go')
    return { errors: errors.map(({ code, field }) => `${code} ${field}`), next: await task }
  })
  expect(errors).toEqual([
    'invalid-input args.detached',
    'invalid-input args',
    'invalid-input args',
    'invalid-input data',
    'invalid-input globals.answer',
  ])
  expect(next).toBe('go')
})

test('arguments are those of the call, whatever becomes of them while the task waits', async ({ page }) => {
  const results = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const args = { i: 0 }
    const tasks = [1, 2, 3].map((i) => {
      args.i = i
      return pool.run(({ args }) => args.i, args)
    })
    return Promise.all(tasks)
  })
  expect(results).toEqual([1, 2, 3])
})

test('whatever is thrown becomes an exit, however it resists', async ({ page }) => {
  const { reasons, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const hostile = [
      () => {
        throw Object.defineProperty(new Error('getter'), 'trap', { enumerable: true, get: () => { throw new Error('no') } })
      },
      () => {
        throw Object.assign(new Error('name'), { name: Object.create(null) })
      },
      () => {
        const circular = Object.create(null)
        circular.self = circular
        circular.call = () => circular
        throw circular
      },
      () => {
        throw new Proxy({}, { get: () => { throw new Error('proxy') }, getPrototypeOf: () => Error.prototype })
      },
      () => {
        throw undefined
      },
      () => Promise.reject(Symbol('odd')),
    ]
    const reasons: unknown[] = []
    for (const entryPoint of hostile) reasons.push((await rejection(pool.run(entryPoint as () => unknown))).reason)
    return { reasons, next: await pool.run(({ workerId }) => workerId) }
  })
  expect(reasons).toEqual(Array(6).fill('Threw'))
  expect(next).toBe('w1')
})

test('a clone error of the task’s own is an error like any other', async ({ page }) => {
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool().run(() => structuredClone(() => 1)))
  })
  expect(error).toMatchObject({ reason: 'Threw', cause: { name: 'DataCloneError' } })
})

test('a worker that speaks out of turn is ended, and its task with it', async ({ page }) => {
  const { errors, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const speak = ({ args }: { args: unknown }) => {
      self.postMessage(args)
      return new Promise(() => {})
    }
    const errors: unknown[] = []
    const one = new Float64Array([1])
    const messages = [
      // Not of the protocol; unknown kinds; a task without a number; no event.
      ...['hello', [[99]], [[7n]], [[7, 1n, 0, null, 1]], [[1]]],
      // An install that failed, of a worker that is up.
      [[3, { message: 'x', properties: {} }, true]],
      // Exits of other than tasks; without a result; more than a worker gathers.
      ...[[[9, [1], [null], [1]]], [[9, one, [], one]], [[9, new Float64Array([0.5]), [null], one]]],
      [[9, new Float64Array(65).fill(1), Array(65).fill(null), new Float64Array(65)]],
    ]
    for (const message of messages) {
      errors.push((await rejection(pool.run(speak, message))).reason)
    }
    return { errors, next: await pool.run(() => 'fine') }
  })
  expect(errors).toEqual(Array(10).fill('WorkerLost'))
  expect(next).toBe('fine')
})

test('an unhandled rejection after a task is done leaves its worker and the pool as they were', async ({ page }) => {
  page.removeAllListeners('pageerror')
  const worker = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    await pool.run(() => {
      setTimeout(() => void Promise.reject(new Error('nobody hears it')))
    })
    await collect(pool.schedule({ entryPoint: () => new Promise((resolve) => setTimeout(resolve, 10)) }))
    return pool.run(({ workerId }) => workerId)
  })
  expect(worker).toBe('w1')
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
    return { error, results, workers: Object.keys(pool.workers$.value).sort() }
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

test('after the end of a pool, functions that it knows and others exit alike', async ({ page }) => {
  const reasons = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    const known = () => 1
    await pool.run(known)
    pool.terminate()
    return [(await rejection(pool.run(known))).reason, (await rejection(pool.run(() => 2))).reason]
  })
  expect(reasons).toEqual(['PoolTerminated', 'PoolTerminated'])
})

test('an `onData` that throws is an uncaught error', async ({ page }) => {
  page.removeAllListeners('pageerror')
  const { error, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const task = pool.run(({ context }) => {
      context.onData = () => {
        throw new Error('from onData')
      }
      context.info('listening')
      return new Promise(() => {})
    })
    task.message$.subscribe(({ type }) => type === 'Log' && task.send(1))
    return { error: await rejection(task), next: await pool.run(() => 'fine') }
  })
  expect(error.reason).toBe('WorkerLost')
  expect(error.message).toContain('from onData')
  expect(next).toBe('fine')
})
