/** Views of a pool: what they show, and what their buttons do. */

import { expect, settled, test } from '../notebook-server.js'

const POOL = `<js-cell>
const { WorkersPool } = await webpm.installWorkersPoolModule()
const { WorkersPoolView, RuntimeView } = await webpm.installViewsModule()
const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2 } })
const view = new WorkersPoolView({ workersPool: pool })
display(view)
</js-cell>

`

test('a pool is shown while it works: workers, tasks, exits', async ({ page, notebook }) => {
  const source = `${POOL}<js-cell>
await pool.ready()
const stuck = pool.run(({ context }) => new Promise((end) => context.signal.addEventListener('abort', end)), null, { title: 'A long task' })
stuck.then(() => {}, () => {})
await pool.run(() => 1)
await pool.run(() => { throw new Error('no') }).then(() => {}, () => {})
</js-cell>
`
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page), String(await page.locator('.mh-error').allInnerTexts())).toBe('done')
  const view = page.locator('mh-pool')
  await expect(view.locator('.worker')).toHaveCount(2)
  await expect(view.locator('.worker[data-state=busy]')).toContainText(/A long task · [\d.]+ m?s/)
  await expect(view).toContainText('Completed 1')
  await expect(view).toContainText('Threw 1')
  await expect(view).toContainText('2 workers, 1 busy, 1 idle')
})

test('its buttons resize and terminate, and a mistake is told', async ({ page, notebook }) => {
  await page.goto(`${await notebook.write('a', `${POOL}<js-cell>\nawait pool.ready()\n</js-cell>\n`)}?run=all`)
  expect(await settled(page)).toBe('done')
  const view = page.locator('mh-pool')
  await view.getByLabel('workers from').fill('3')
  await view.getByLabel('to', { exact: true }).fill('2')
  await view.getByRole('button', { name: 'Resize' }).click()
  await expect(view.getByRole('alert')).toContainText('startAt')
  await view.getByLabel('to', { exact: true }).fill('3')
  await view.getByRole('button', { name: 'Resize' }).click()
  await expect(view.locator('.worker[data-state=idle]')).toHaveCount(3)
  await view.getByRole('button', { name: 'Terminate' }).click()
  await expect(view.getByRole('status')).toHaveText('terminated')
})

test('one view can be shown in several places, and as a node', async ({ page, notebook }) => {
  const source = `${POOL}<js-cell>
display({ tag: 'div', children: [view, { tag: 'b', innerText: 'beside' }] })
display(view.element(), new RuntimeView())
await pool.ready()
</js-cell>
`
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page), String(await page.locator('.mh-error').allInnerTexts())).toBe('done')
  await expect(page.locator('mh-pool')).toHaveCount(3)
  for (const view of await page.locator('mh-pool').all()) await expect(view).toContainText('1 workers, 0 busy, 1 idle')
  await expect(page.locator('mh-cell').last()).toContainText('shared memory')
})

test('it draws at most once a frame, however much happens', async ({ page, notebook }) => {
  const source = `${POOL}<js-cell>
await pool.ready()
let frames = 0
let changes = 0
let counting = true
const count = () => { frames += 1; if (counting) requestAnimationFrame(count) }
requestAnimationFrame(count)
const observer = new MutationObserver(() => { changes += 1 })
observer.observe(document.querySelector('mh-pool').shadowRoot, { subtree: true, childList: true, characterData: true })
await Promise.all(Array.from({ length: 3000 }, () => pool.run(() => 0)))
counting = false
display(changes <= frames + 1 ? 'few' : \`\${changes} changes in \${frames} frames\`)
</js-cell>
`
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page), String(await page.locator('.mh-error').allInnerTexts())).toBe('done')
  await expect(page.locator('mh-cell').last().locator('[data-role=output]')).toHaveText('few')
})
