/** Pools with local and remote workers. */

import type { WorkerScope } from 'millhand'
import { expect, test } from './fixtures.js'

/** The rest of the pools: Python in both places, JavaScript here alone. */
const base = (token: string) => ({ url: '/', token, stretchTo: 2, javascript: false, python: [] as string[] })

test('two thousand tasks of π run once each, here and on two nodes', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool, installViewsModule } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({
      install: { pyodide: [] },
      pool: { startAt: 2, stretchTo: 2, remote: { ...settings, when: 'always' } },
    })
    const { WorkersPoolView } = await installViewsModule()
    document.body.append(new WorkersPoolView({ workersPool: pool }).element())
    await pool.ready()
    const exits = new Map<string, number>()
    const places: Record<string, number> = { local: 0, remote: 0 }
    const hosts = new Set<string>()
    const locations = new Map<string, string>()
    pool.workers$.subscribe((workers) => {
      for (const { worker } of Object.values(workers)) {
        locations.set(worker.id, worker.location)
        if (worker.machine) hosts.add(worker.machine.node)
      }
    })
    pool.mergedChannel$.subscribe(({ type, data }) => {
      if (type !== 'Exit') return
      exits.set(data.taskId, (exits.get(data.taskId) ?? 0) + 1)
      const place = locations.get(data.workerId ?? '') ?? 'nowhere'
      places[place] = (places[place] ?? 0) + 1
    })
    const source = `
import random
n = args["count"]
sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(n)) / n * 4`
    const tasks = Array.from({ length: 2_000 }, () => pool.python<number>(source, { count: 1_000 }))
    await until(pool.workers$, (workers: object) => Object.keys(workers).length === 4)
    const view = await new Promise<string>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(
      document.querySelector('mh-pool')?.shadowRoot?.textContent ?? ''))))
    const estimates = await Promise.all(tasks)
    await pool.drain()
    const mean = estimates.reduce((sum, estimate) => sum + estimate, 0) / estimates.length
    return { mean, tasks: exits.size, most: Math.max(...exits.values()), places, hosts: hosts.size, view }
  }, base(remote.server.token))
  expect(seen).toMatchObject({ tasks: 2_000, most: 1, hosts: 2 })
  expect(seen.mean).toBeCloseTo(Math.PI, 1)
  expect(seen.places['local']).toBeGreaterThan(100)
  expect(seen.places['remote']).toBeGreaterThan(100)
  expect((seen.places['local'] ?? 0) + (seen.places['remote'] ?? 0)).toBe(2_000)
  expect(seen.view).toContain('4 workers (2 remote)')
})

test('a task runs where it asks to, and its messages arrive while it runs', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { conversation } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, globals: { scale: 3 }, pool: { startAt: 1, stretchTo: 1, remote: settings } })
    const where = 'import sys\nfrom js import scale\n[sys.platform, args["n"] * scale]'
    const here = await pool.python(where, { n: 1 }, { target: 'local' })
    const there = await pool.python(where, { n: 2 }, { target: 'remote' })
    // It does not end before it has heard that its first message has arrived.
    const source = `
import asyncio
told = asyncio.get_event_loop().create_future()
context.onData = lambda data: told.done() or told.set_result(data)
print("begun")
context.progress(0.5)
context.sendData({"half": True})
await told`
    const task = pool.python(source, {}, { target: 'remote' })
    const { heard, result } = await conversation(task)
    const engine = pool.engine$.value
    pool.terminate()
    return { here, there, heard, result, engine }
  }, base(remote.server.token))
  expect(seen).toEqual({
    here: ['emscripten', 3],
    there: ['linux', 6],
    heard: ['begun', { progress: 0.5 }, { half: true }],
    result: 'go on',
    engine: { state: 'up' },
  })
})

test('an endless remote loop is cancelled, and one that runs for too long is stopped', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: settings } })
    const task = pool.python('while True: pass', {}, { target: 'remote' })
    await until(task.message$, ({ type }: { type: string }) => type === 'Start')
    task.cancel('enough')
    const cancelled = await rejection(task)
    const slow = await rejection(pool.python('while True: pass', {}, { target: 'remote', timeout: 300 }))
    const deaf = await rejection(
      pool.python('while True:\n    try:\n        while True: pass\n    except BaseException: pass', {}, { target: 'remote', timeout: 300 }),
    )
    const after = await pool.python('1 + 1', {}, { target: 'remote' })
    pool.terminate()
    return { cancelled: cancelled.reason, cause: cancelled.cause, slow: slow.reason, deaf: deaf.reason, after }
  }, base(remote.server.token))
  expect(seen).toEqual({ cancelled: 'Cancelled', cause: 'enough', slow: 'TimedOut', deaf: 'TimedOut', after: 2 })
})

test('values cross as structured cloning would have them, and what cannot is said', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: settings } })
    const there = { target: 'remote' } as const
    const sent = { n: 2n ** 70n, bytes: new Uint8Array([1, 2]), floats: new Float64Array([0.5]), list: [1, 'ü', undefined], set: new Set([1]) }
    const back = await pool.python<typeof sent>('args', sent, there)
    const unclonable = await rejection(pool.python('lambda: 1', {}, there))
    const blob = await rejection(pool.python('1', { blob: new Blob(['x']) }, there))
    const threw = await rejection(pool.python('1 / 0', {}, there))
    pool.terminate()
    const { n, bytes, floats, list, set } = back
    return {
      back: [String(n), [...bytes], [...floats], list, [...set]],
      unclonable: unclonable.reason,
      blob: [blob.reason, blob.message],
      threw: [threw.reason, threw.cause?.python?.type],
    }
  }, base(remote.server.token))
  expect(seen).toEqual({
    back: [String(2n ** 70n), [1, 2], [0.5], [1, 'ü', undefined], [1]],
    unclonable: 'Unclonable',
    blob: ['Unclonable', expect.stringContaining('is a `Blob`, and cannot be sent to another machine')],
    threw: ['Threw', 'ZeroDivisionError'],
  })
})

test('functions that need what local workers have stay with these', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const pool = new WorkersPool({
      install: { pyodide: [] },
      pool: { startAt: 0, stretchTo: 1, remote: { ...settings, when: 'always', javascript: false } },
    })
    const onPyodide = ({ workerScope }: { workerScope: WorkerScope }): number => workerScope['pyodide'].runPython('40 + 2')
    const results = await Promise.all(Array.from({ length: 20 }, () => pool.run(onPyodide)))
    const refused = thrown(() => pool.run(onPyodide, undefined, { target: 'remote' }))
    const both = thrown(() => pool.python('1', {}, { target: 'remote', targetWorkerId: 'w1' }))
    const none = new WorkersPool({ pool: { startAt: 0 } })
    const noRemote = thrown(() => none.run(() => 1, undefined, { target: 'remote' }))
    none.terminate()
    pool.terminate()
    return { results: new Set(results).size, refused: refused.message, both: both.field, noRemote: noRemote.message }
  }, base(remote.server.token))
  expect(seen).toMatchObject({ results: 1, both: 'target' })
  expect(seen.refused).toContain('`target` ("remote") is remote, and the function is JavaScript')
  expect(seen.noRemote).toContain('is for pools with remote workers')
})

test('remote workers with nothing to do end, and come again', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: { ...settings, idleTimeout: 100 } } })
    const first = await pool.python('1', {}, { target: 'remote' })
    await until(pool.startedWorkers$, (ids: string[]) => ids.length === 0)
    const second = await pool.python('2', {}, { target: 'remote' })
    pool.terminate()
    return [first, second]
  }, base(remote.server.token))
  expect(seen).toEqual([1, 2])
})
