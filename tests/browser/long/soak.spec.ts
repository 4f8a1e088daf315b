import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures.js'

/** `SOAK_TASKS` and `SOAK_SEED` ask for other runs. */
const TASKS = Number(process.env['SOAK_TASKS'] ?? 200_000)
const SEED = Number(process.env['SOAK_SEED'] ?? 1)
const ROUNDS = 10
/** No task of the soak takes so long. */
const STALL_MS = 15_000

interface Round {
  exits: Record<string, number>
  settledOnce: number
  left: object
  workersStarted: number
}

test('tasks of every fate, workers that die, and a heap that stays flat', async ({ page }) => {
  const client = await page.context().newCDPSession(page)
  await page.evaluate(soak, SEED)
  const heap_mb: number[] = []
  const totals: Record<string, number> = {}
  const startedAt = Date.now()
  for (let round = 1; round <= ROUNDS; round++) {
    const { exits, settledOnce, left, workersStarted } = await Promise.race([
      page.evaluate(
        (count) => (window as unknown as { soakRound: (count: number) => Promise<Round> }).soakRound(count),
        TASKS / ROUNDS,
      ),
      stalled(page),
    ])
    expect(settledOnce).toBe(TASKS / ROUNDS)
    expect(left).toEqual({ queued: 0, running: 0 })
    for (const [reason, count] of Object.entries(exits)) totals[reason] = count
    await client.send('HeapProfiler.collectGarbage')
    const { usedSize } = await client.send('Runtime.getHeapUsage')
    heap_mb.push(Math.round(usedSize / 1e5) / 10)
    const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1)
    console.log(`round ${round}: ${minutes} min, heap ${heap_mb.at(-1)} MB, ${workersStarted} workers started, ${JSON.stringify(totals)}`)
  }
  const [, second = 0] = heap_mb
  expect(heap_mb.at(-1)).toBeLessThan(second + 5)
  await page.evaluate(() => (window as unknown as { soakEnd: () => void }).soakEnd())
  await expect.poll(() => page.workers().length).toBe(0)
})

/** Rejects, with the pool's state, when no task has ended for a while. */
async function stalled(page: Page): Promise<never> {
  let last = ''
  for (;;) {
    await page.waitForTimeout(STALL_MS)
    const state = await page.evaluate(() => (window as unknown as { soakState: () => string }).soakState())
    if (state === last) throw new Error(`nothing moves: ${state}`)
    last = state
  }
}

/** Sets the pools up, in the page. Each fate is settled exactly once: it resolves to whether it was as it should be. */
async function soak(seed: number) {
  const { WorkersPool } = await import('millhand')
  const { until } = await import('support')
  // What a trace keeps fills slowly up to its bound, and would hide what must not grow.
  const pool = new WorkersPool({ trace: { maxTasks: 0 }, pool: { startAt: 2, stretchTo: 4, cancelGrace: 20, idleTimeout: 5_000 } })
  const python = new WorkersPool({ trace: { maxTasks: 0 }, install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, spares: 1 } })
  await Promise.all([pool.ready(), python.ready()])

  let state = seed
  const random = () => {
    // mulberry32: the same tasks from the same seed.
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  type Task = import('millhand').Task<unknown>
  type Input = { args: number; context: import('millhand').WorkerContext }

  const settlesOnce = (task: Task): Promise<boolean> => {
    if (random() < 0.03) setTimeout(() => task.cancel('no longer wanted'), random() * 20)
    let exits = 0
    return new Promise((resolve) =>
      task.message$.subscribe({ next: ({ type }) => type === 'Exit' && exits++, complete: () => resolve(exits === 1) }),
    )
  }
  /** A promise that settles in either way, once. */
  const ends = async (promise: Promise<unknown>) => promise.then(
    () => true,
    () => true,
  )

  const module = pool.use<{ addOffset: (x: number) => number; fail: (text: string) => never }>('/tasks.js')
  const mapped = async (n: number) => {
    let results = 0
    const fate = n % 4
    try {
      for await (const result of pool.map([n, n + 1, n + 2, n + 3], (x) => {
        if (x % 64 === 0) throw new Error('an item on purpose')
        return x + 1
      }, { ordered: fate > 1 })) {
        if (result <= n) return false
        results += 1
        if (fate === 0) break
      }
    } catch {
      return true // An item that failed, a full queue, a worker that died.
    }
    return results === (fate === 0 ? 1 : 4)
  }
  const broadcast = async (n: number) => {
    const controller = new AbortController()
    const ended = await ends(pool.broadcast(({ args }) => args, n, { signal: controller.signal }))
    controller.abort()
    return ended
  }
  const echoed = (n: number) => {
    const task = pool.run(
      ({ context }: Input) => new Promise((resolve) => (context.onData = resolve)),
      0,
      { title: 'echo', timeout: 5_000 },
    )
    task.send(n)
    return settlesOnce(task)
  }
  const runs = (entryPoint: (input: Input) => unknown, options: object = {}) => (n: number) => {
    const title = String(entryPoint).slice(0, 60)
    return settlesOnce(pool.run(entryPoint, n, { title, ...options }))
  }
  const runsPython = (source: string, options: object = {}) => (n: number) =>
    settlesOnce(python.python(source, { n }, { title: source.slice(0, 60), ...options }))

  const fates: [weight: number, act: (n: number) => Promise<boolean>][] = [
    [800, runs(({ args }) => args)],
    [30, runs(({ args }) => new Promise((resolve) => setTimeout(() => resolve(args), args % 20)), { queueTimeout: 2_000 })],
    [15, runs(() => { throw new Error('on purpose') })],
    [10, runs(() => () => 1)],
    [15, runs(({ context }) => { for (let i = 0; i < 20; i++) context.sendData({ i }) }, { priority: 1 })],
    [10, runs(({ context }) => new Promise((_, reject) => (context.signal.onabort = () => reject(new Error('stopped')))), { timeout: 10 })],
    [5, runs(() => { self.close(); return new Promise(() => {}) })],
    [5, runs(() => { self.close(); return new Promise(() => {}) }, { retries: 1 })],
    [3, runs(() => { setTimeout(() => { throw new Error('uncaught') }); return new Promise(() => {}) })],
    [2, runs(() => { for (;;); }, { timeout: 30 })],
    // One function of many: each is another source, and the pool is given it once.
    [20, (n) => settlesOnce(pool.run(new Function(`return ({ args }) => args + ${n % 100}`)() as () => unknown, n))],
    [30, (n) => settlesOnce(n % 8 === 0 ? module.fail('of a module') : module.addOffset(n))],
    [20, echoed],
    [10, mapped],
    [5, broadcast],
    [40, runsPython('args["n"] + 1')],
    [5, runsPython('print(args["n"])\n[args["n"]] * 100')],
    [5, runsPython('raise ValueError(args["n"])')],
    [3, runsPython('import asyncio\nawait asyncio.sleep(3600)', { timeout: 10 })],
    [3, runsPython('while True: pass', { timeout: 10 })],
    [2, runsPython('lambda: 1')],
  ]
  const total = fates.reduce((sum, [weight]) => sum + weight, 0)
  const draw = () => {
    let roll = random() * total
    return (fates.find(([weight]) => (roll -= weight) < 0) ?? fates[0]!)[1]
  }
  let workersStarted = 0
  for (const { startedWorkers$ } of [pool, python]) {
    let last = 0
    startedWorkers$.subscribe((ids) => {
      const newest = Math.max(last, ...ids.map((id) => Number(id.slice(1))))
      workersStarted += newest - last
      last = newest
    })
  }

  const counts = () => {
    const exits: Record<string, number> = {}
    const left = { queued: 0, running: 0 }
    for (const { stats$ } of [pool, python]) {
      for (const [reason, count] of Object.entries(stats$.value.exits)) exits[reason] = (exits[reason] ?? 0) + count
      left.queued += stats$.value.queued
      left.running += stats$.value.running
    }
    return { exits, left }
  }
  /** Chunks of a `map` that ended early are still being cancelled when it has. */
  const rested = () =>
    Promise.all([pool, python].map(({ stats$ }) => until(stats$, ({ queued, running }) => queued + running === 0)))
  Object.assign(window, {
    async soakRound(count: number): Promise<Round> {
      let settledOnce = 0
      let next = 0
      const lane = async () => {
        while (next < count) {
          const n = next++
          if (await draw()(n)) settledOnce += 1
        }
      }
      // So many tasks are open at a time.
      await Promise.all(Array.from({ length: 300 }, lane))
      await rested()
      return { ...counts(), settledOnce, workersStarted }
    },
    soakState: () =>
      JSON.stringify(
        [pool, python].map(({ stats$, runningTasks$, startedWorkers$, workers$ }) => ({
          stats: stats$.value,
          running: runningTasks$.value,
          started: startedWorkers$.value,
          ready: Object.keys(workers$.value),
        })),
      ),
    soakEnd: () => {
      pool.terminate()
      python.terminate()
    },
  })
}
