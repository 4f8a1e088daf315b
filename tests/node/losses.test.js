import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onePool, poolOf, rejection, until } from './support.js'

test('a worker that dies in the middle of a task loses that task alone, and says what it died of', async (t) => {
  const pool = onePool(t)
  const dying = [
    ['exit code 3', () => process.exit(3)],
    ['from a timer', () => { setTimeout(() => { throw new Error('from a timer') }); return new Promise(() => {}) }],
    ['from onData', ({ context }) => { context.onData = () => { throw new Error('from onData') }; return new Promise(() => {}) }],
    ['not of the protocol', async () => { (await import('node:worker_threads')).parentPort.postMessage('hello'); return new Promise(() => {}) }],
    ['not of the protocol', async () => { (await import('node:worker_threads')).parentPort.postMessage([[99]]); return new Promise(() => {}) }],
  ]
  for (const [cause, entryPoint] of dying) {
    const task = pool.run(entryPoint)
    const next = pool.run(({ args }) => args + 1, 1)
    task.send('now')
    const error = await rejection(task)
    assert.equal(error.code, 'worker-lost')
    assert.match(error.message, new RegExp(cause))
    assert.equal(await next, 2)
  }
  await until(pool.stats$, ({ idle }) => idle === 1)
  assert.deepEqual(Object.keys(pool.workers$.value), [`w${dying.length + 1}`])
})

test('a task that allocates until there is no memory loses its worker with that cause, and others go on', async (t) => {
  const pool = poolOf(t, { pool: { startAt: 2, stretchTo: 2, resourceLimits: { maxOldGenerationSizeMb: 48 } } })
  await pool.ready()
  const hungry = pool.run(() => {
    const all = []
    for (;;) all.push({ n: all.length })
  })
  const others = Array.from({ length: 50 }, (_, n) => pool.run(({ args }) => args, n))
  const error = await rejection(hungry)
  assert.equal(error.reason, 'WorkerLost')
  assert.match(error.message, /ran out of memory/)
  assert.deepEqual(await Promise.all(others), Array.from({ length: 50 }, (_, n) => n))
})

test('a task is run again as often as it may, and then is lost', async (t) => {
  const pool = onePool(t)
  const attempts = new SharedArrayBuffer(4)
  const work = ({ args }) => {
    const count = new Int32Array(args.attempts)
    count[0] += 1
    if (count[0] < 3) process.exit(1)
    return count[0]
  }
  assert.equal(await pool.run(work, { attempts }, { retries: 2 }), 3)
  new Int32Array(attempts)[0] = -10
  assert.equal((await rejection(pool.run(work, { attempts }, { retries: 1 }))).reason, 'WorkerLost')
  assert.equal(new Int32Array(attempts)[0], -8)
})

test('workers that die at random lose no task: each exits once', async (t) => {
  const pool = poolOf(t, { pool: { startAt: 3, stretchTo: 3 } })
  const tasks = Array.from({ length: 200 }, (_, n) => pool.run(({ args }) => {
    if (args % 17 === 5) process.exit(args)
    return args
  }, n))
  const outcomes = await Promise.allSettled(tasks.map((task) => Promise.resolve(task)))
  outcomes.forEach(({ status, value, reason }, n) => {
    if (n % 17 === 5) assert.equal(reason.reason, 'WorkerLost')
    else assert.equal(status === 'fulfilled' && value, n)
  })
  const { exits } = pool.stats$.value
  assert.equal(exits.Completed + exits.WorkerLost, 200)
})

test('a rejection that nobody handles leaves its worker as it was', async (t) => {
  const pool = onePool(t)
  assert.equal(await pool.run(() => { Promise.reject(new Error('floating')); return 'fine' }), 'fine')
  assert.equal(await pool.run(async () => { await new Promise((resolve) => setTimeout(resolve, 5)); return 'still' }), 'still')
  assert.deepEqual(Object.keys(pool.workers$.value), ['w1'])
})

test('cancelling: a task that waits is dropped, one that listens ends by itself, one that loops loses its worker', async (t) => {
  const pool = onePool(t, { pool: { cancelGrace: 100, spares: 1 } })
  const listening = pool.run(({ context }) => new Promise((_, reject) => {
    context.signal.onabort = () => reject(context.signal.reason)
    context.info('listening')
  }))
  const waiting = pool.run(() => 'ran')
  waiting.cancel({ code: 7 })
  assert.deepEqual((await rejection(waiting)).cause, { code: 7 })
  listening.message$.subscribe(({ type }) => type === 'Log' && listening.cancel('enough'))
  assert.equal((await rejection(listening)).reason, 'Cancelled')

  const controller = new AbortController()
  const looping = pool.run(({ context }) => { context.info('looping'); for (;;); }, undefined, { signal: controller.signal })
  looping.message$.subscribe(({ type }) => type === 'Log' && controller.abort(new Error('changed my mind')))
  const error = await rejection(looping)
  assert.equal(error.reason, 'Cancelled')
  assert.equal(error.cause.message, 'changed my mind')
  assert.equal(await pool.run(() => 'fine'), 'fine')
})

test('a worker that boots without end is given up at its deadline', async (t) => {
  const pool = onePool(t, {
    postInstallTasks: [{ title: 'stall', entryPoint: () => new Promise(() => {}) }],
    pool: { bootTimeout: 300 },
  })
  assert.match((await rejection(pool.ready())).message, /no progress within the boot timeout/)
})
