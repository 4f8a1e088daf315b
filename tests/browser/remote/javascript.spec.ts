/** Functions of JavaScript on remote workers, under Node, beside those of the page. */

import type { WorkerScope } from 'millhand'
import { kill } from './processes.js'
import { expect, test } from './fixtures.js'

const base = (token: string) => ({ url: '/', token, stretchTo: 2 })

test('tasks of π run once each, in the page and on two nodes', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    // Both nodes are needed for so many.
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2, remote: { ...settings, stretchTo: 4, when: 'always' } } })
    await pool.ready()
    // Else a slow machine's local workers do them all before the remote ones are up.
    const hold = ({ context }: { context: { onData: unknown } }): Promise<unknown> => new Promise((resolve) => (context.onData = resolve))
    const held = Array.from({ length: 4 }, () => pool.run(hold, undefined, { target: 'remote' }))
    await Promise.all(held.map((task) => until(task.message$, ({ type }: { type: string }) => type === 'Start')))
    held.forEach((task) => task.send('go on'))
    await Promise.all(held)
    const exits = new Map<string, number>()
    const places: Record<string, number> = { local: 0, remote: 0 }
    const locations = new Map<string, string>()
    const machines = new Map<string, string>()
    pool.workers$.subscribe((workers) => {
      for (const { worker } of Object.values(workers)) {
        locations.set(worker.id, worker.location)
        if (worker.machine) machines.set(worker.machine.node, worker.machine.runtime)
      }
    })
    pool.mergedChannel$.subscribe(({ type, data }) => {
      if (type !== 'Exit') return
      exits.set(data.taskId, (exits.get(data.taskId) ?? 0) + 1)
      const place = locations.get(data.workerId ?? '') ?? 'nowhere'
      places[place] = (places[place] ?? 0) + 1
    })
    const estimate = ({ args }: { args: { count: number } }): number => {
      let inside = 0
      for (let n = 0; n < args.count; n += 1) if (Math.random() ** 2 + Math.random() ** 2 < 1) inside += 1
      return (4 * inside) / args.count
    }
    const estimates = await Promise.all(Array.from({ length: 1_500 }, () => pool.run(estimate, { count: 200_000 })))
    await pool.drain()
    const mean = estimates.reduce((sum, estimate) => sum + estimate, 0) / estimates.length
    return { mean, tasks: exits.size, most: Math.max(...exits.values()), places, runtimes: [...machines.values()] }
  }, base(remote.server.token))
  expect(seen).toMatchObject({ tasks: 1_500, most: 1 })
  expect(seen.mean).toBeCloseTo(Math.PI, 2)
  expect(seen.places['local']).toBeGreaterThan(50)
  expect(seen.places['remote']).toBeGreaterThan(50)
  expect((seen.places['local'] ?? 0) + (seen.places['remote'] ?? 0)).toBe(1_500)
  expect(seen.runtimes).toEqual([expect.stringMatching(/^Node \d+\./), expect.stringMatching(/^Node \d+\./)])
})

test('a task runs where it asks to, with the globals, and its messages arrive while it runs', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { conversation } = await import('support')
    const globals = { scale: 3, twice: (x: number) => 2 * x, origin: 'ours' }
    const pool = new WorkersPool({ globals, pool: { startAt: 1, stretchTo: 1, remote: settings } })
    const where = ({ args, workerScope }: { args: number; workerScope: WorkerScope }): unknown[] => [
      'process' in workerScope,
      workerScope['twice'](args) * workerScope['scale'],
    ]
    const here = await pool.run(where, 1, { target: 'local' })
    const there = await pool.run(where, 2, { target: 'remote' })
    // A browser has one too.
    const own = await pool.run(() => origin, undefined, { target: 'remote' })
    // It does not end before it has heard that its first message has arrived.
    const task = pool.run(
      ({ context }) =>
        new Promise((resolve) => {
          context.onData = resolve
          console.log('begun')
          context.progress(0.5)
          context.sendData({ half: true })
        }),
      undefined,
      { target: 'remote' },
    )
    const { heard, result } = await conversation(task)
    pool.terminate()
    return { here, there, own, heard, result }
  }, base(remote.server.token))
  expect(seen).toEqual({ here: [false, 6], there: [true, 12], own: 'ours', heard: ['begun', { progress: 0.5 }, { half: true }], result: 'go on' })
})

test('an endless loop is cancelled or times out, and its worker is replaced', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 1, cancelGrace: 300, remote: settings } })
    const endless = ({ context }: { context: { info: (text: string) => void } }): never => {
      context.info('runs')
      for (;;);
    }
    const there = { target: 'remote' } as const
    const task = pool.run(endless, undefined, there)
    const other = pool.run(() => 'went on', undefined, there)
    await until(task.message$, ({ type }: { type: string }) => type === 'Log')
    task.cancel('enough')
    const cancelled = await rejection(task)
    const late = await rejection(pool.run(endless, undefined, { ...there, timeout: 300 }))
    const attentive = pool.run(
      ({ context }) =>
        new Promise((_, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason))
          context.info('waits')
        }),
      undefined,
      there,
    )
    await until(attentive.message$, ({ type }: { type: string }) => type === 'Log')
    const [before] = pool.startedWorkers$.value
    attentive.cancel()
    const heard = await rejection(attentive)
    const after = await pool.run(() => 1 + 1, undefined, there)
    const isSame = pool.startedWorkers$.value[0] === before
    pool.terminate()
    return { cancelled: [cancelled.reason, cancelled.cause], other: await other, late: late.reason, heard: heard.reason, after, isSame }
  }, base(remote.server.token))
  expect(seen).toEqual({
    cancelled: ['Cancelled', 'enough'],
    other: 'went on',
    late: 'TimedOut',
    heard: 'Cancelled',
    after: 2,
    isSame: true,
  })
})

test('errors keep what they are, and values cross as structured cloning would have them', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 1, remote: settings } })
    const there = { target: 'remote' } as const
    const sent = { n: 2n ** 70n, bytes: new Uint8Array([1, 2]), map: new Map([[1, new Date(5)]]), list: [1, 'ü', undefined], set: new Set([1]) }
    const back = await pool.run(({ args }) => ({ ...args, isMap: args.map instanceof Map }), sent, there)
    const threw = await rejection(
      pool.run(
        function fails() {
          throw Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 'E7' })
        },
        undefined,
        there,
      ),
    )
    const unclonable = await rejection(pool.run(() => ({ f: () => 1 }), undefined, there))
    pool.terminate()
    return {
      back: [String(back.n), [...back.bytes], back.map.get(1)?.getTime(), back.list, [...back.set], back.isMap],
      threw: [threw.reason, threw.cause?.name, threw.cause?.message, threw.cause?.code, threw.cause?.cause?.message],
      stack: threw.cause?.stack,
      unclonable: [unclonable.reason, unclonable.cause?.message],
    }
  }, base(remote.server.token))
  expect(seen).toEqual({
    back: [String(2n ** 70n), [1, 2], 5, [1, 'ü', undefined], [1], true],
    threw: ['Threw', 'RangeError', 'too far', 'E7', 'why'],
    stack: expect.stringContaining('at fails'),
    unclonable: ['Unclonable', '`value.f` is a function, and cannot be sent to another machine'],
  })
})

test('`map` and `broadcast` reach remote workers', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, remote: { ...settings, when: 'always' } } })
    await pool.ready()
    // So that there is a remote worker.
    await pool.run(() => 1, undefined, { target: 'remote' })
    const told = await pool.broadcast(({ args, workerScope }) => {
      workerScope['factor'] = args
      return 'process' in workerScope
    }, 10)
    const results: number[] = []
    const times = (n: number): number => n * (globalThis as unknown as { factor: number }).factor
    for await (const result of pool.map(Array.from({ length: 200 }, (_, n) => n), times, { chunk: 5 })) results.push(result)
    await until(pool.startedWorkers$, (ids: string[]) => ids.length >= 2)
    pool.terminate()
    return { told: told.includes(true) && told.includes(false), results }
  }, base(remote.server.token))
  expect(seen).toEqual({ told: true, results: Array.from({ length: 200 }, (_, n) => 10 * n) })
})

test('Python and JavaScript take turns in one remote worker', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({
      install: { pyodide: [] },
      pool: { startAt: 0, stretchTo: 1, remote: { ...settings, stretchTo: 1, python: [] } },
    })
    const there = { target: 'remote' } as const
    const results: unknown[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      results.push(await pool.python('import sys\nsys.platform', {}, there), await pool.run(({ args }) => args + 1, turn, there))
    }
    const workers = Object.keys(pool.workers$.value).length
    pool.terminate()
    return { results, workers }
  }, base(remote.server.token))
  expect(seen).toEqual({ results: ['linux', 1, 'linux', 2, 'linux', 3], workers: 1 })
})

test('functions that need what only this page has stay here, and say why if they are sent away', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, remote: { ...settings, when: 'always' } } })
    const there = { target: 'remote' } as const
    const draw = (): number => new OffscreenCanvas(2, 3).height
    const tasks = pool.use(new URL('/tasks.js', location.href)) as { addOffset: (n: number) => Promise<number> }
    const results = await Promise.all(Array.from({ length: 20 }, () => Promise.all([pool.run(draw), tasks.addOffset(2)])))
    const refused = [draw, tasks.addOffset].map((entryPoint) => thrown(() => pool.run(entryPoint as () => number, undefined, there)).message)
    pool.terminate()
    return { results: [...new Set(results.map(String))], refused }
  }, base(remote.server.token))
  expect(seen.results).toEqual(['3,102'])
  expect(seen.refused[0]).toContain('uses `OffscreenCanvas`, which only local workers have')
  expect(seen.refused[1]).toContain('is of a module (`pool.use`), whose url is not within reach of remote workers')
})

test('a process that is killed loses its task, which is run again, and no other', async ({ page, remote }) => {
  await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 1, remote: { ...settings, when: 'always' } } })
    const waiting = ({ context }: { context: { info: (text: string) => void; onData: unknown } }): Promise<unknown> => {
      context.info(String((globalThis as unknown as { process: { pid: number } }).process.pid))
      return new Promise((resolve) => (context.onData = resolve))
    }
    const pids: number[][] = [[], []]
    const tasks = pids.map((seen) => {
      const task = pool.run(waiting, undefined, { target: 'remote', retries: 1 })
      task.message$.subscribe(({ type, data }) => {
        if (type === 'Log') seen.push(Number(data.text))
      })
      return task
    })
    Object.assign(window, { pool, tasks, pids })
  }, base(remote.server.token))
  const begunTimes = async (expected: string): Promise<void> => {
    const isSo = (expected: string): boolean =>
      (window as unknown as { pids: number[][] }).pids.map(({ length }) => length).join() === expected
    await page.waitForFunction(isSo, expected)
  }
  await begunTimes('1,1')
  kill(await page.evaluate(() => (window as unknown as { pids: number[][] }).pids[0]?.[0] ?? 0))
  await begunTimes('2,1')
  const results = await page.evaluate(async () => {
    const { pool, tasks } = window as unknown as {
      pool: { terminate: () => void }
      tasks: (PromiseLike<unknown> & { send: (data: unknown) => void })[]
    }
    tasks.forEach((task, index) => task.send(`end ${index}`))
    const results = await Promise.all(tasks)
    pool.terminate()
    return results
  })
  expect(results).toEqual(['end 0', 'end 1'])
})
