import { expect, test } from '../fixtures.js'

const ROUNDS = Number(process.env['STORM_ROUNDS'] ?? 20)
const WORKERS = 16

test('sixteen Python workers boot at once, again and again, and none hangs', async ({ browser }) => {
  for (let round = 1; round <= ROUNDS; round++) {
    // A context of its own is a private one: its HTTP cache is in memory, and new. The server's answers are cacheable.
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(process.env['MILLHAND_URL'] ?? '')
    const { workers, seconds } = await page.evaluate(async (count) => {
      const { WorkersPool } = await import('millhand')
      const start = performance.now()
      const sizing = { startAt: count, stretchTo: count, installConcurrency: count }
      const pool = new WorkersPool({ install: { pyodide: [] }, pool: sizing })
      await pool.ready()
      const versions = await pool.broadcast(({ workerScope }) => workerScope['pyodide'].version)
      pool.terminate()
      return { workers: versions.length, seconds: (performance.now() - start) / 1_000 }
    }, WORKERS)
    expect(workers).toBe(WORKERS)
    console.log(`round ${round}: ${workers} workers in ${seconds.toFixed(1)} s`)
    await context.close()
  }
})
