import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Subject } from 'rxjs'
import { configureInstall, TaskError, WorkersPool } from 'millhand'
import { collect, onePool, poolOf, rejection, until } from './support.js'

test('messages come in order, and are the same for an early and a late subscriber', async (t) => {
  const pool = onePool(t)
  const message$ = pool.schedule({
    title: 'talk',
    args: { n: 3 },
    entryPoint: ({ args, context, taskId, workerId }) => {
      context.info('one', { taskId, workerId })
      context.sendData({ n: args.n, taskId: 'mine' })
      context.progress(0.5, 'half')
      return args.n * 2
    },
  })
  const early = await collect(message$)
  assert.deepEqual(early, await collect(message$))
  const ids = { taskId: 't1', workerId: 'w1' }
  assert.deepEqual(early, [
    { type: 'Start', data: ids },
    { type: 'Log', data: { ...ids, text: 'one', json: ids } },
    { type: 'Data', data: { ...ids, n: 3, payload: { n: 3, taskId: 'mine' } } },
    { type: 'Log', data: { ...ids, text: 'half', json: { progress: 0.5 } } },
    { type: 'Exit', data: { ...ids, error: false, result: 6, reason: 'Completed' } },
  ])
})

test('data goes both ways, and a task is an async iterable of what it sends', async (t) => {
  const pool = onePool(t)
  const task = pool.run(({ context }) => new Promise((resolve) => {
    context.onData = (data) => (data === 'stop' ? resolve('stopped') : context.sendData(data * 2))
  }))
  task.send(1)
  task.send(2)
  const seen = []
  for await (const data of task) {
    seen.push(data)
    if (seen.length === 2) task.send('stop')
  }
  assert.deepEqual(seen, [2, 4])
  assert.equal(await task, 'stopped')
})

test('a thrown error keeps name, message, cause, own properties, and the line in its stack', async (t) => {
  const error = await rejection(onePool(t).run(function explode() {
    const cause = new TypeError('the root')
    throw Object.assign(new RangeError('too far', { cause }), { limit: 3 })
  }))
  assert.ok(error instanceof TaskError)
  assert.equal(error.reason, 'Threw')
  assert.equal(error.message, '`explode` threw RangeError: too far')
  assert.equal(error.cause.limit, 3)
  assert.equal(error.cause.cause.message, 'the root')
  assert.match(error.cause.stack, /at explode \(millhand\/function-\d+\.js:3:\d+\)/)
})

test('what cannot be cloned is refused at the call, or an exit of its own', async (t) => {
  const pool = onePool(t)
  assert.throws(() => pool.run(({ args }) => args, { call: () => 1 }), { code: 'invalid-input', field: 'args.call' })
  const error = await rejection(pool.run(() => ({ call: () => 1 })))
  assert.equal(error.reason, 'Unclonable')
  const talk = pool.run(({ context }) => {
    context.sendData(() => 1)
    return 'went on'
  })
  assert.equal(await talk, 'went on')
  const types = (await collect(talk.message$)).map(({ type }) => type)
  assert.deepEqual(types, ['Start', 'PostError', 'Exit'])
})

test('functions are looked over before they are sent', async (t) => {
  const outside = 1
  const pool = onePool(t, { globals: { scale: 4, twice: (x) => 2 * x } })
  assert.throws(() => pool.run(() => outside + 1), { code: 'invalid-input', message: /uses `outside`/ })
  assert.throws(() => pool.run(() => require('node:fs')), { code: 'invalid-input', message: /uses `require`/ })
  assert.throws(() => pool.run(() => document.title), { code: 'invalid-input', message: /uses `document`/ })
  assert.equal(await pool.run(({ args }) => twice(args) * scale + Buffer.from('a').length, 1), 9)
})

test('what is transferred is moved, in both directions', async (t) => {
  const pool = onePool(t)
  const bytes = new Uint8Array([1, 2, 3])
  const back = await pool.run(
    ({ args, context }) => {
      args[0] = 9
      const { buffer } = args
      return context.transfer({ args, seen: buffer.byteLength }, [buffer])
    },
    bytes,
    { transfer: [bytes.buffer] },
  )
  assert.equal(bytes.byteLength, 0)
  assert.deepEqual([...back.args], [9, 2, 3])
  assert.equal(back.seen, 3)
})

test('`map` gives results in order, takes items as it can, and fails with the first failure', async (t) => {
  const pool = poolOf(t, { pool: { startAt: 2, stretchTo: 2 } })
  let taken = 0
  function* numbers() {
    for (let n = 0; n < 500; n += 1) {
      taken += 1
      yield n
    }
  }
  const squares = []
  for await (const square of pool.map(numbers(), (n, index) => n * index)) squares.push(square)
  assert.deepEqual(squares, Array.from({ length: 500 }, (_, n) => n * n))
  assert.equal(taken, 500)

  const failing = pool.map([1, 2, 3], (n) => {
    if (n === 2) throw new Error('two')
    return n
  }, { chunk: 1 })
  const error = await rejection((async () => { for await (const _ of failing); })())
  assert.match(error.message, /two/)
})

test('`broadcast` reaches every worker, and those that start later', async (t) => {
  const pool = poolOf(t, { pool: { startAt: 2, stretchTo: 3 } })
  await pool.ready()
  const told = await pool.broadcast(({ args, workerId }) => { globalThis.told = args; return workerId }, 'hello')
  assert.deepEqual(told.sort(), ['w1', 'w2'])
  await pool.reserve({ workersCount: 3 })
  assert.equal(await pool.run(() => told, undefined, { targetWorkerId: 'w3' }), 'hello')
})

test('`use` imports the module in each worker: closures and imports work', async (t) => {
  const pool = onePool(t)
  const tasks = pool.use(new URL('./tasks.js', import.meta.url))
  assert.equal(await tasks.count(), 1)
  assert.equal(await tasks.count(), 2)
  assert.match(await tasks.hash('abc'), /^ba7816bf/)
  const error = await rejection(tasks.missing())
  assert.match(error.message, /`missing` is no function that `file:.*tasks\.js` exports: it exports count, hash/)
})

test('a function sent as source imports what Node has built in', async (t) => {
  const threadName = await onePool(t).run(async () => (await import('node:path')).posix.join('a', 'b'))
  assert.equal(threadName, 'a/b')
})

test('the helper that compilers put into functions to keep their names is there', async (t) => {
  // As esbuild with `keepNames`, and so tsx, compiles `({ args }) => { const twice = (x) => 2 * x; return … }`.
  const compiled = Function(`const __name = (f) => f
    return ({ args }) => { const twice = __name((x) => 2 * x, 'twice'); return [twice.name, twice(args)] }`)()
  assert.deepEqual(await onePool(t).run(compiled, 4), ['twice', 8])
})

test('limits: a task that waits or runs for too long, and a full queue', async (t) => {
  const pool = onePool(t, { pool: { maxQueue: 1, cancelGrace: 50 } })
  await pool.ready()
  const endless = pool.run(() => { for (;;); }, undefined, { timeout: 200 })
  const waiting = pool.run(() => 1, undefined, { queueTimeout: 50 })
  const refused = pool.run(() => 1)
  const reasons = await Promise.all([endless, waiting, refused].map(async (task) => (await rejection(task)).reason))
  assert.deepEqual(reasons, ['TimedOut', 'QueueTimedOut', 'Rejected'])
  assert.equal(await pool.run(() => 'fine'), 'fine')
})

test('`drain` finishes what is there; `terminate` ends all, each task once', async (t) => {
  const drained = onePool(t)
  const tasks = [1, 2, 3].map((n) => drained.run(({ args }) => args * 10, n))
  await drained.drain()
  assert.deepEqual(await Promise.all(tasks), [10, 20, 30])
  assert.equal((await rejection(drained.run(() => 1))).reason, 'PoolTerminated')

  const pool = poolOf(t, { pool: { startAt: 2, stretchTo: 2 } })
  await pool.ready()
  const streams = Array.from({ length: 4 }, () => pool.schedule({ entryPoint: () => new Promise(() => {}) }))
  await until(pool.runningTasks$, (running) => running.length === 2)
  pool.terminate()
  pool.terminate()
  const seen = await Promise.all(streams.map(collect))
  const names = seen.map((messages) => messages.map(({ type, data }) => (type === 'Exit' ? data.reason : type)))
  assert.deepEqual(names, [['Start', 'PoolTerminated'], ['Start', 'PoolTerminated'], ['PoolTerminated'], ['PoolTerminated']])
  assert.deepEqual(pool.workers$.value, {})
})

test('progress of the install is told, and a failing post-install task fails the pool with its cause', async (t) => {
  const cdnEvent$ = new Subject()
  const steps = []
  cdnEvent$.subscribe(({ step }) => steps.push(step))
  const pool = onePool(t, { cdnEvent$, postInstallTasks: [{ title: 'greet', entryPoint: () => { globalThis.greeting = 'hi' } }] })
  assert.equal(await pool.run(({ workerScope }) => workerScope.greeting), 'hi')
  assert.deepEqual(steps, ['WorkerBooted', 'PostInstallTask', 'WorkerReady'])
  const broken = onePool(t, { postInstallTasks: [{ title: 'bad', entryPoint: () => { throw new Error('no luck') } }] })
  const error = await rejection(broken.ready())
  assert.equal(error.code, 'install-failed')
  assert.match(error.message, /no luck/)
})

test('inputs that cannot be meant are typed errors that name the field', () => {
  const pools = {
    'pool.resourceLimits': { pool: { resourceLimits: 64 } },
    'pool.resourceLimits.maxOldGenerationSizeMb': { pool: { resourceLimits: { maxOldGenerationSizeMb: 0 } } },
    'pool.resourceLimits.heap': { pool: { resourceLimits: { heap: 64 } } },
    'install.css': { install: { css: ['bootstrap'] } },
    'install.pyodide[0]': { install: { pyodide: ['num py'] } },
    'globals.answer': { globals: { answer: Symbol('42') } },
  }
  for (const [field, input] of Object.entries(pools)) assert.throws(() => new WorkersPool(input), { name: 'InvalidInputError', field })
  const settings = {
    'settings.project': { project: 7 },
    'settings.overlay': { overlay: 'wheels' },
    'settings.overlay[1]': { overlay: ['wheels', new URL('https://example.org/wheels')] },
    'settings.manifestUrl': { manifestUrl: 'http://[' },
    'settings.fileCdn': { fileCdn: 'https://example.org/' },
  }
  for (const [field, given] of Object.entries(settings)) assert.throws(() => configureInstall(given), { name: 'InvalidInputError', field })
})

test('what pages alone have says so', async () => {
  const millhand = await import('millhand')
  for (const name of ['install', 'installViewsModule', 'queryLoadingGraph']) {
    assert.equal((await rejection(millhand[name]({}))).code, 'unsupported')
  }
})
