import type { Page } from '@playwright/test'
import { expect, serveDistribution, test } from '../fixtures.js'

/**
 * Each way in which a worker can be lost, for real. After each the task has the right reason, other tasks finish, the pool has
 * the right number of workers, and nothing is left behind.
 */

/** What is there of a pool's: workers as the browser counts them, and locks that are held or waited for. */
async function leftovers(page: Page) {
  const locks = await page.evaluate(async () => {
    const { held = [], pending = [] } = await navigator.locks.query()
    return { held: held.length, pending: pending.length }
  })
  return { ...locks, workers: page.workers().length }
}

/** Timers that the page's scripts have set and that have neither gone off nor been cleared. */
async function countTimers(page: Page) {
  await page.addInitScript(() => {
    const open = new Set<number>()
    const { setTimeout: set, clearTimeout: clear } = window
    const counted = (handler: () => void, delay?: number) => {
      const id = set(() => {
        open.delete(id)
        handler()
      }, delay)
      open.add(id)
      return id
    }
    Object.assign(window, {
      setTimeout: counted,
      clearTimeout: (id: number) => {
        open.delete(id)
        clear(id)
      },
      openTimers: () => open.size,
    })
  })
  await page.reload()
}

const openTimers = (page: Page) => page.evaluate(() => (window as unknown as { openTimers: () => number }).openTimers())

test('workers that die in every way are replaced, and nothing is left behind', async ({ page }) => {
  await countTimers(page)
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2, cancelGrace: 50 } })
    await pool.ready()
    const deaths = {
      close: () => {
        self.close()
        return new Promise(() => {})
      },
      'uncaught error': () => {
        setTimeout(() => {
          throw new RangeError('from a timer')
        })
        return new Promise(() => {})
      },
      'a foreign message': () => {
        self.postMessage({ not: 'of the protocol' })
        return new Promise(() => {})
      },
      'an endless loop': () => {
        for (;;);
      },
    }
    const reasons: Record<string, unknown> = {}
    for (const [name, entryPoint] of Object.entries(deaths)) {
      const others = [1, 2, 3].map((n) => pool.run(({ args }) => args, n))
      const task = pool.run(entryPoint as () => unknown, undefined, name === 'an endless loop' ? { timeout: 100 } : {})
      const more = [4, 5].map((n) => pool.run(({ args }) => args, n))
      const error = await rejection(task)
      reasons[name] = [error.reason, error.message, await Promise.all([...others, ...more])]
      await until(pool.stats$, ({ running, queued, starting }) => running + queued + starting === 0)
    }
    Object.assign(window, { pool })
    await pool.reserve({ workersCount: 2 })
    return { reasons, workers: Object.keys(pool.workers$.value).length, exits: pool.stats$.value.exits }
  })
  const others = [1, 2, 3, 4, 5]
  expect(seen.reasons).toEqual({
    close: ['WorkerLost', expect.stringContaining('the worker ended'), others],
    'uncaught error': ['WorkerLost', expect.stringContaining('from a timer'), others],
    'a foreign message': ['WorkerLost', expect.stringContaining('not of the protocol'), others],
    'an endless loop': ['TimedOut', expect.stringContaining('timeout'), others],
  })
  expect(seen.workers).toBe(2)
  expect(seen.exits).toMatchObject({ Completed: 20, WorkerLost: 3, TimedOut: 1 })
  // Two live workers, each with the lock that it holds and the page's request for it.
  await expect.poll(() => leftovers(page)).toEqual({ held: 2, pending: 2, workers: 2 })
  expect(await openTimers(page)).toBe(0)
  await page.evaluate(() => (window as unknown as { pool: { terminate: () => void } }).pool.terminate())
  await expect.poll(() => leftovers(page)).toEqual({ held: 0, pending: 0, workers: 0 })
  expect(await openTimers(page)).toBe(0)
})

test('a task that allocates until there is no memory throws so, other tasks finish, and no worker is lost', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const plain = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    const python = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 2, stretchTo: 2 } })
    await Promise.all([plain.ready(), python.ready()])
    const take = () => {
      // Kept within reach, so that none is collected. The bound is far above what a worker may have.
      const kept: ArrayBuffer[] = []
      for (let i = 0; i < 64; i++) kept.push(new ArrayBuffer(2 ** 31))
      return kept.length
    }
    const others = (pool: typeof plain, kind: string) =>
      Array.from({ length: 20 }, (_, n) => pool.run(({ args }) => args, `${kind} ${n}`))
    const finished = [...others(plain, 'plain'), ...others(python, 'python')]
    const buffers = rejection(plain.run(take))
    const objects = rejection(python.python('kept = []\nwhile True: kept.append(bytearray(2 ** 29))'))
    finished.push(...others(plain, 'after'), ...others(python, 'after'))
    const errors = { buffers: await buffers, objects: await objects }
    return {
      errors,
      finished: (await Promise.all(finished)).length,
      workers: [plain, python].map(({ workers$ }) => Object.keys(workers$.value).sort()),
      again: await python.python('sum(range(10))', {}, { targetWorkerId: 'w1' }),
    }
  })
  expect(seen.errors.buffers).toMatchObject({ reason: 'Threw', cause: { name: 'RangeError' } })
  expect(seen.errors.objects).toMatchObject({ reason: 'Threw', cause: { python: { type: 'MemoryError' } } })
  expect(seen.finished).toBe(80)
  expect(seen.workers).toEqual([
    ['w1', 'w2'],
    ['w1', 'w2'],
  ])
  expect(seen.again).toBe(45)
})

test('a runtime whose WebAssembly does not compile fails the install at once, with that cause', async ({ page }) => {
  await serveDistribution(page, { 'pyodide.asm.wasm': 'no WebAssembly at all' })
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool({ install: { pyodide: { indexUrl: '/distribution/' } } }).ready())
  })
  expect(error).toMatchObject({ code: 'install-failed', cause: { name: 'CompileError' } })
})

test('a worker script of the wrong type fails the pool with that cause', async ({ page }) => {
  await page.route('**/millhand/worker.js', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'text/plain' } })
  })
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool().ready())
  })
  expect(error.message).toMatch(/worker's script `.*worker\.js` could not be loaded/)
})

test('a script that starts Python and is not there fails the pool by name', async ({ page }) => {
  await page.route('**/millhand/python.js', (route) => route.fulfill({ status: 404 }))
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool({ install: { pyodide: [] } }).ready())
  })
  expect(error).toMatchObject({ code: 'install-failed' })
  expect(error.message).toMatch(/the script `.*python\.js`, which starts Python, could not be loaded/)
})

test('a server that cannot be reached in the middle of a file is asked again, and then the file is named', async ({ page }) => {
  let tries = 0
  await page.route('**/millhand/files/**/pyodide.asm.js', (route) => {
    tries += 1
    return route.abort('connectionreset')
  })
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool({ install: { pyodide: [] } }).ready())
  })
  expect(tries).toBe(3)
  expect(error).toMatchObject({ code: 'install-failed' })
  expect(error.message).toContain('pyodide.asm.js')
})

test('an observer that throws is reported, and the pool gets its environment', async ({ page }) => {
  page.removeAllListeners('pageerror')
  const reported: string[] = []
  page.on('pageerror', (error) => reported.push(error.message))
  const result = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const cdnEvent$ = {
      next: () => {
        throw new Error('an observer of mine')
      },
    }
    return new WorkersPool({ cdnEvent$ }).run(() => 'fine')
  })
  expect(result).toBe('fine')
  expect(reported.length).toBeGreaterThan(0)
  expect(new Set(reported)).toEqual(new Set(['an observer of mine']))
})

test('the queue is counted as it grows, and ended pools are let go', async ({ page }) => {
  const queued = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    await pool.ready()
    for (let i = 0; i < 11; i++) pool.run(() => new Promise(() => {}))
    const { queued } = pool.stats$.value
    await until(pool.runningTasks$, (tasks) => tasks.length === 1)
    pool.terminate()
    return [queued, pool.stats$.value.queued]
  })
  expect(queued).toEqual([10, 0])
  const collected = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const make = async () => {
      const pool = new WorkersPool({ globals: { large: new Uint8Array(1_000_000) } })
      await pool.ready()
      await pool.run(() => 1)
      pool.terminate()
      return new WeakRef(pool)
    }
    ;(window as unknown as { refs: WeakRef<object>[] }).refs = [await make(), await make()]
    return 0
  })
  expect(collected).toBe(0)
  const client = await page.context().newCDPSession(page)
  await expect
    .poll(async () => {
      await client.send('HeapProfiler.collectGarbage')
      return page.evaluate(() => (window as unknown as { refs: WeakRef<object>[] }).refs.filter((ref) => ref.deref()).length)
    })
    .toBe(0)
})
