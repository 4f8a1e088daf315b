/** A view of a pool under load: it takes no long turn of the page. */

import { traceMainThread } from '../main-thread.js'
import { cell, expect, settled, test } from '../notebook-server.js'

const LONG_TASK_MS = 50

const PAGE =
  cell(`const { WorkersPool } = await webpm.installWorkersPoolModule()
const { WorkersPoolView } = await webpm.installViewsModule()
const pool = new WorkersPool({ pool: { startAt: 10, stretchTo: 10 } })
display(new WorkersPoolView({ workersPool: pool }))
await pool.ready()`) +
  cell(`const tasks = []
for (let slice = 0; slice < 100; slice += 1) {
  for (let n = 0; n < 100; n += 1) tasks.push(pool.run(() => 1, null, { title: 'a task' }))
  await new Promise((next) => setTimeout(next, 10))
}
await Promise.all(tasks)`)

test('10,000 tasks on 10 workers under a view leave no turn of the page longer than 50 ms', async ({ page, notebook, browser }) => {
  await page.goto(await notebook.write('a', PAGE))
  const run = page.getByRole('button', { name: 'run the cell' })
  await run.nth(0).click()
  await expect(page.locator('mh-cell').first()).toHaveAttribute('data-state', 'done', { timeout: 60_000 })
  const categories = ['devtools.timeline', 'disabled-by-default-devtools.timeline']
  const timesOf_ms = await traceMainThread({ browser, page, categories }, async () => {
    await run.nth(1).click()
    expect(await settled(page)).toBe('done')
    await expect(page.locator('mh-pool')).toContainText('Completed 10000')
  })
  const [turns, draws] = [timesOf_ms('RunTask'), timesOf_ms('FireAnimationFrame')]
  expect(turns.length).toBeGreaterThan(1_000)
  expect(draws.length).toBeGreaterThan(10)
  // The whole page's: those of the view are among them.
  expect(Math.max(...turns)).toBeLessThan(LONG_TASK_MS)
  expect(Math.max(...draws)).toBeLessThan(LONG_TASK_MS / 2)
})
