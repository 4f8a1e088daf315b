/** How pools and the process live and end together: each test is a program of its own. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram } from './support.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** Runs a module's text, as `node --eval` does, in this folder. */
const run = (source, options = {}) =>
  runProgram(['--input-type=module', '--eval', `import { WorkersPool } from 'millhand'\n${source}`], {
    cwd: HERE,
    ...options,
  })

test('an idle pool does not keep its process alive', async () => {
  const { code, stdout } = await run(`
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2, idleTimeout: 3_600_000 } })
    await pool.ready()
    console.log(await pool.run(() => 1))`)
  assert.deepEqual([code, stdout], [0, '1\n'])
})

test('open tasks keep it alive, also those that only wait', async () => {
  const { code, stdout } = await run(`
    const pool = new WorkersPool({ pool: { stretchTo: 1 } })
    for (const n of [1, 2]) {
      pool.schedule({ args: n, entryPoint: ({ args }) => new Promise((resolve) => setTimeout(resolve, 100, args)) })
        .subscribe(({ type, data }) => type === 'Exit' && console.log(data.result))
    }`)
  assert.deepEqual([code, stdout], [0, '1\n2\n'])
})

test('a task that is withdrawn at its call does not, nor one that an ended pool refuses', async () => {
  const submit = (options) => `console.log(await pool.run(() => 1, undefined, ${options}).catch(({ reason }) => reason))`
  const withdrawn = await run(`
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    await pool.ready()
    ${submit('{ signal: AbortSignal.abort() }')}`)
  assert.deepEqual([withdrawn.code, withdrawn.stdout], [0, 'Cancelled\n'])
  const refused = await run(`
    const pool = new WorkersPool()
    await pool.drain()
    ${submit('{}')}`)
  assert.deepEqual([refused.code, refused.stdout], [0, 'PoolTerminated\n'])
})

test('`drain`, `ready` and `reserve` keep it alive until they are done', async () => {
  const { code, stdout } = await run(`
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 2 } })
    await pool.reserve({ workersCount: 2 })
    console.log(Object.keys(pool.workers$.value).length)
    pool.schedule({ entryPoint: () => new Promise((resolve) => setTimeout(resolve, 50)) })
    await pool.drain()
    console.log('drained')`)
  assert.deepEqual([code, stdout], [0, '2\ndrained\n'])
})

test('all that a task wrote is written, although its process ends with it', async () => {
  const { code, stdout } = await run(`
    await new WorkersPool().run(() => {
      for (let line = 1; line <= 5_000; line += 1) console.log(line)
    })`)
  assert.equal(code, 0)
  assert.equal(stdout.trim().split('\n').at(-1), '5000')
})

test('a failure that nobody hears of is an unhandled rejection, which ends the process', async () => {
  const { code, stderr } = await run(`new WorkersPool().run(() => { throw new RangeError('unheard') })`)
  assert.equal(code, 1)
  assert.match(stderr, /unheard/)
  assert.match(stderr, /task-threw/)
})

test('what a subscriber throws is an uncaught exception, as of any callback', async () => {
  const { code, stderr } = await run(`
    const pool = new WorkersPool()
    pool.cdnEvent$.subscribe(() => { throw new Error('from a subscriber') })
    await pool.ready()
    setInterval(() => undefined, 1_000)`)
  assert.equal(code, 1)
  assert.match(stderr, /from a subscriber/)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal} ends the process and all its workers, busy as they are`, async () => {
    const source = `
      const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
      await pool.broadcast(() => undefined)
      const tasks = [1, 2].map(() => pool.run(() => { for (;;); }))
      let running = 0
      for (const task of tasks) task.message$.subscribe(({ type }) => type === 'Start' && ++running === 2 && console.log('running'))
      await Promise.all(tasks)`
    const { code, signal: by } = await run(source, { signalAfter: { said: 'running', signal } })
    assert.deepEqual([code, by], [null, signal])
  })
}

test('a program in CommonJS imports the package', async () => {
  const source = `import('millhand').then(async ({ WorkersPool }) => console.log(await new WorkersPool().run(() => 6 * 7)))`
  const { code, stdout } = await runProgram(['--input-type=commonjs', '--eval', source], {
    cwd: HERE,
  })
  assert.deepEqual([code, stdout], [0, '42\n'])
})
