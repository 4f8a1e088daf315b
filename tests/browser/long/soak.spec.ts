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

/** Sets the pool up, in the page. */
async function soak(seed: number) {
  const { WorkersPool } = await import('millhand')
  const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 4, cancelGrace: 20, idleTimeout: 5_000 } })
  await pool.ready()
  let state = seed
  const random = () => {
    // mulberry32: the same run for the same seed.
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  type Input = { args: number; context: import('millhand').WorkerContext }
  const fates: [weight: number, entryPoint: (input: Input) => unknown, options: object][] = [
    [900, ({ args }) => args, {}],
    [30, ({ args }) => new Promise((resolve) => setTimeout(() => resolve(args), args % 20)), { queueTimeout: 2_000 }],
    [15, () => { throw new Error('on purpose') }, {}],
    [10, () => () => 1, {}],
    [15, ({ context }) => { for (let i = 0; i < 20; i++) context.sendData({ i }) }, { priority: 1 }],
    [10, ({ context }) => new Promise((_, reject) => (context.signal.onabort = () => reject(new Error('stopped')))), { timeout: 10 }],
    [5, () => { self.close(); return new Promise(() => {}) }, {}],
    [5, () => { self.close(); return new Promise(() => {}) }, { retries: 1 }],
    [3, () => { setTimeout(() => { throw new Error('uncaught') }); return new Promise(() => {}) }, {}],
    [2, () => { for (;;); }, { timeout: 30 }],
  ]
  const total = fates.reduce((sum, [weight]) => sum + weight, 0)
  const draw = () => {
    let roll = random() * total
    return fates.find(([weight]) => (roll -= weight) < 0) ?? fates[0]!
  }
  let workersStarted = 0
  pool.startedWorkers$.subscribe((ids) => {
    workersStarted = Math.max(workersStarted, ...ids.map((id) => Number(id.slice(1))))
  })

  const one = (n: number): Promise<number> => {
    const [, entryPoint, options] = draw()
    const title = String(entryPoint).slice(0, 60)
    const task = pool.run(entryPoint as (input: object) => unknown, n, { title, ...options })
    if (random() < 0.03) setTimeout(() => task.cancel('no longer wanted'), random() * 20)
    let exits = 0
    return new Promise((resolve) =>
      task.message$.subscribe({ next: ({ type }) => type === 'Exit' && exits++, complete: () => resolve(exits) }),
    )
  }
  Object.assign(window, {
    async soakRound(count: number): Promise<Round> {
      let settledOnce = 0
      let next = 0
      const lane = async () => {
        while (next < count) if ((await one(next++)) === 1) settledOnce += 1
      }
      // So many tasks are open at a time.
      await Promise.all(Array.from({ length: 300 }, lane))
      const { exits, queued, running } = pool.stats$.value
      return { exits, settledOnce, left: { queued, running }, workersStarted }
    },
    soakState: () =>
      JSON.stringify({
        stats: pool.stats$.value,
        running: pool.runningTasks$.value,
        started: pool.startedWorkers$.value,
        ready: Object.keys(pool.workers$.value),
      }),
    soakEnd: () => pool.terminate(),
  })
}
