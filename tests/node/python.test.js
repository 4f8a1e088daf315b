/** Python in Node: the project's own `pyodide`, and NumPy from an overlay (`MILLHAND_OVERLAY`) or from Pyodide's CDN. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { firstValueFrom, fromEvent, map, scan, filter } from 'rxjs'
import { configureInstall } from 'millhand'
import { collect, onePool, poolOf, rejection, runProgram } from './support.js'

const overlay = process.env.MILLHAND_OVERLAY ? [process.env.MILLHAND_OVERLAY] : []
configureInstall({ overlay })

const scratch = (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millhand-python-')))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}
const pyodideFolder = dirname(createRequire(import.meta.url).resolve('pyodide/package.json'))

test('the π job: many NumPy tasks in a pool that grows, every one of them settled', async (t) => {
  const pool = poolOf(t, { install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 2 } })
  const entryPoint = ({ args, workerScope }) => {
    const { pyodide } = workerScope
    pyodide.registerJsModule('jsModule', { count: args.count })
    return pyodide.runPython(`
      import numpy as np
      from jsModule import count
      data = np.random.uniform(-0.5, 0.5, size=(count, 2))
      len(np.argwhere(np.linalg.norm(data, axis=1) < 0.5)) / count * 4`)
  }
  const tasks = Array.from({ length: 200 }, () => pool.schedule({ title: 'PI approx.', entryPoint, args: { count: 100_000 } }))
  const exits = (await Promise.all(tasks.map(collect))).map((messages) => messages.filter(({ type }) => type === 'Exit'))
  assert.ok(exits.every((ends) => ends.length === 1 && !ends[0].data.error), JSON.stringify(exits.find(([end]) => end.data.error)))
  const results = exits.map(([{ data }]) => data.result)
  const mean = results.reduce((sum, x) => sum + x, 0) / results.length
  assert.ok(Math.abs(mean - Math.PI) < 0.005, String(mean))
  assert.equal(new Set(results).size > 100, true, 'workers draw the same numbers')
  assert.deepEqual([...new Set(exits.map(([{ data }]) => data.workerId))].sort(), ['w1', 'w2'])
})

test('the example runs as it stands', async () => {
  const program = fileURLToPath(new URL('../../examples/node/pi.mjs', import.meta.url))
  const { code, stdout } = await runProgram([program, '--tasks', '40', ...overlay.flatMap((path) => ['--overlay', path])])
  assert.equal(code, 0)
  assert.match(stdout, /^pi: tasks=40 failed=0 workers=\d+ pi=3\.1[34]\d+ seconds=[\d.]+ tasks_per_s=[\d.]+\n$/)
})

test('`python`: results, output, errors with their traceback; a loop is interrupted, and its worker stays', async (t) => {
  const pool = onePool(t, { install: { pyodide: [] }, pool: { cancelGrace: 60_000 } })
  const task = pool.python('print("half", end="")\nprint(" a line")\n{"doubled": [2 * x for x in args["values"]]}', { values: [1, 2] })
  assert.deepEqual(await task, { doubled: [2, 4] })
  const logs = (await collect(task.message$)).flatMap(({ type, data }) => (type === 'Log' ? [data.text] : []))
  assert.deepEqual(logs, ['half a line'])

  const error = await rejection(pool.python('def f():\n    return 1 / 0\nf()'))
  assert.equal(error.cause.python.type, 'ZeroDivisionError')
  assert.match(error.cause.python.traceback, /line 2, in f/)

  const endless = pool.python('print("looping")\nwhile True: pass')
  endless.message$.subscribe(({ type }) => type === 'Log' && endless.cancel('enough'))
  assert.equal((await rejection(endless)).reason, 'Cancelled')
  const late = await rejection(pool.python('while True: pass', {}, { timeout: 200 }))
  assert.equal(late.reason, 'TimedOut')
  const waiting = pool.python('import asyncio\nprint("waiting")\nawait asyncio.sleep(3600)')
  waiting.message$.subscribe(({ type }) => type === 'Log' && waiting.cancel())
  assert.equal((await rejection(waiting)).reason, 'Cancelled')
  assert.equal(await pool.run(({ workerId, workerScope }) => workerId + workerScope.pyodide.version), `w10.29.5`)
})

test('a project without `pyodide`, or with another one, is told what to install', async (t) => {
  const folder = scratch(t)
  configureInstall({ project: folder })
  t.after(() => configureInstall({ project: import.meta.url }))
  const missing = await rejection(onePool(t, { install: { pyodide: [] } }).ready())
  assert.match(missing.message, /`pyodide` is not installed in `.*`\nhint: npm install pyodide/)
  mkdirSync(join(folder, 'node_modules/pyodide'), { recursive: true })
  writeFileSync(join(folder, 'node_modules/pyodide/package.json'), '{ "version": "0.28.3" }')
  const other = await rejection(onePool(t, { install: { pyodide: { version: '0.29.5' } } }).ready())
  assert.match(other.message, /in version 0\.28\.3 .*`0\.29\.5` is asked for\nhint: npm install pyodide@0\.29\.5/)
})

test('packages that are not in the lock, or cannot be had, fail the pool with what to do', async (t) => {
  const unknown = await rejection(onePool(t, { install: { pyodide: ['no-such-package'] } }).ready())
  assert.match(unknown.message, /`no-such-package` is not in the lock/)
  // Nobody listens there.
  configureInstall({ pyodideCdn: 'http://127.0.0.1:9/', packageCacheDir: scratch(t) })
  t.after(() => configureInstall({ packageCacheDir: join(pyodideFolder, '../.cache/millhand/pyodide-0.29.5') }))
  const offline = await rejection(onePool(t, { install: { pyodide: ['regex'] } }).ready())
  assert.match(offline.message, /http:\/\/127\.0\.0\.1:9\/v0\.29\.5\/full\/regex.*could not be fetched/)
})

test('a distribution of one’s own, as a folder', { skip: overlay.length === 0 && 'there is no wheel to make one of' }, async (t) => {
  const folder = scratch(t)
  cpSync(pyodideFolder, folder, { recursive: true })
  configureInstall({ overlay: [] })
  t.after(() => configureInstall({ overlay }))
  const pool = onePool(t, { install: { pyodide: { indexUrl: folder, modules: [] } } })
  assert.equal(await pool.python('1 + 1'), 2)
  const error = await rejection(onePool(t, { install: { pyodide: { indexUrl: folder, modules: ['numpy'] } } }).ready())
  assert.match(error.message, /there is no `numpy-.*\.whl` at/)
})

test('packages as a millhand server has locked them', { skip: !process.env.MILLHAND_BIN && 'MILLHAND_BIN is not set' }, async (t) => {
  const folder = scratch(t)
  const args = ['serve', folder, '--port', '0', '--lockfile', join(folder, 'millhand.lock'), ...overlay.flatMap((path) => ['--overlay', path])]
  const server = spawn(process.env.MILLHAND_BIN, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => server.kill('SIGINT'))
  const text$ = fromEvent(server.stdout.setEncoding('utf8'), 'data').pipe(scan((all, text) => all + text, ''))
  const url = await firstValueFrom(text$.pipe(map((text) => /listening on (\S+)/.exec(text)?.[1]), filter(Boolean)))
  const cache = join(folder, 'cache')
  configureInstall({ manifestUrl: new URL('/millhand/manifest', url), packageCacheDir: cache, overlay: [] })
  t.after(() => configureInstall({ manifestUrl: null, packageCacheDir: join(pyodideFolder, '../.cache/millhand/pyodide-0.29.5'), overlay }))
  const events = []
  const pool = onePool(t, { install: { pyodide: ['numpy'] }, cdnEvent$: { next: ({ step }) => events.push(step) } })
  assert.equal(await pool.python('import numpy as np\nfloat(np.arange(5).sum())'), 10)
  assert.ok(events.includes('ManifestReceived'))
  assert.equal(readdirSync(cache).length, 1)

  // What lies there in its place is noticed.
  const [wheel] = readdirSync(cache)
  writeFileSync(join(cache, wheel), 'not a wheel')
  assert.equal(await onePool(t, { install: { pyodide: ['numpy'] } }).python('import numpy as np\nnp.arange(5).size'), 5)
})
