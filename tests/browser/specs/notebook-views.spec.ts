/** Views of a pool: what they show, and what their buttons do. */

import { readFile } from 'node:fs/promises'
import { cell, expect, outputOf, runAll, settled, test } from '../notebook-server.js'
import { problemsOf } from '../trace-format.js'

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

test('a worker that is ended because of its task is lost, and one that is not needed has ended', async ({ page, notebook }) => {
  const source = `${POOL}${cell(`await pool.reserve({ workersCount: 2 })
const stuck = pool.run(() => { for (;;) {} }, null, { timeout: 20 })
await stuck.catch(() => {})
await pool.run(({ context }) => new Promise((end) => context.signal.addEventListener('abort', end)), null, { timeout: 20 }).catch(() => {})
await pool.reserve({ workersCount: 2 })
pool.resize({ startAt: 0, stretchTo: 1 })`)}`
  await runAll(page, await notebook.write('a', source))
  const view = page.locator('mh-pool')
  await expect(view.locator('.worker[data-state=lost]')).toHaveCount(1)
  await expect(view.locator('.worker[data-state=ended]')).toHaveCount(1)
})

test('its buttons resize and terminate, and a mistake is told', async ({ page, notebook }) => {
  await page.goto(`${await notebook.write('a', `${POOL}<js-cell>\nawait pool.ready()\n</js-cell>\n`)}?run=all`)
  expect(await settled(page)).toBe('done')
  const view = page.locator('mh-pool')
  await view.getByLabel('workers from').fill('3')
  await view.getByLabel('to', { exact: true }).fill('2')
  await view.getByRole('button', { name: 'Resize' }).click()
  await expect(view.getByRole('alert').last()).toContainText('startAt')
  await view.getByLabel('to', { exact: true }).fill('3')
  await view.getByRole('button', { name: 'Resize' }).click()
  await expect(view.locator('.worker[data-state=idle]')).toHaveCount(3)
  await view.getByRole('button', { name: 'Terminate' }).click()
  await expect(view.getByRole('status')).toHaveText('terminated')
  await expect(view.locator('.worker[data-state=ended]')).toHaveCount(3)
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
  for (const view of await page.locator('mh-pool').all()) await expect(view).toContainText('1 worker, 0 busy, 1 idle')
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

test('its trace can be saved, and holds what the pool did', async ({ page, notebook }) => {
  await runAll(page, await notebook.write('a', `${POOL}${cell("await Promise.all([1, 2, 3].map((n) => pool.run(() => 1, null, { title: `task ${n}` })))")}`))
  const downloaded = page.waitForEvent('download')
  await page.locator('mh-pool').getByRole('button', { name: 'Save trace' }).click()
  const download = await downloaded
  expect(download.suggestedFilename()).toBe('pool-trace.json')
  const json = await readFile(await download.path(), 'utf8')
  expect(problemsOf(json)).toEqual([])
  expect(json).toContain('task 3')
})

test('as an element of the page it shows the pool that is set, also before it is defined', async ({ page, notebook }) => {
  const source =
    '<mh-pool id="early"></mh-pool>\n\n' +
    cell(`const { WorkersPool } = await webpm.installWorkersPoolModule()
const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
const other = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
const early = document.querySelector('#early')
early.pool = pool
await webpm.installViewsModule()
await Promise.all([pool.ready(), other.ready()])`) +
    cell(`const late = document.createElement('mh-pool')
late.pool = pool
display(late)
display(early.pool === pool && late.pool === pool ? 'set' : 'lost')`) +
    cell('early.pool = other')
  await page.goto(await notebook.write('a', source))
  const run = page.getByRole('button', { name: 'run the cell' })
  await run.nth(0).click()
  await expect(page.locator('#early')).toContainText('1 worker, 0 busy, 1 idle')
  await run.nth(1).click()
  await expect(outputOf(page, 1)).toContainText('set')
  await expect(outputOf(page, 1).locator('mh-pool')).toContainText('1 worker, 0 busy, 1 idle')
  await run.nth(2).click()
  await expect(page.locator('#early')).toContainText('2 workers, 0 busy, 2 idle')
  await expect(page.locator('#early').locator('.worker')).toHaveCount(2)
})

test('it looks the same with Bootstrap as without', async ({ page, notebook }) => {
  const source = `${POOL}${cell('await pool.ready()\nawait pool.run(() => 1)')}${cell("await webpm.install({ css: ['bootstrap#^5.3.3~bootstrap.min.css'] })")}`
  await page.goto(await notebook.write('a', source))
  const run = page.getByRole('button', { name: 'run the cell' })
  for (const index of [0, 1]) await run.nth(index).click()
  const view = page.locator('mh-pool')
  await expect(view).toContainText('1 worker, 0 busy, 1 idle')
  await expect(view).toContainText('Completed 1')
  const look = () =>
    view.evaluate(({ shadowRoot }) =>
      [...(shadowRoot?.querySelectorAll('.pool, .pool *') ?? [])].map((element) => {
        const { width, height } = element.getBoundingClientRect()
        const { color, font, padding, borderColor, backgroundColor } = getComputedStyle(element)
        return { name: `${element.nodeName}.${element.className}`, width, height, color, font, padding, borderColor, backgroundColor }
      }),
    )
  const before = await look()
  expect(before.length).toBeGreaterThan(15)
  await run.nth(2).click()
  await expect(page.locator('mh-cell').nth(2)).toHaveAttribute('data-state', 'done')
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--bs-blue'))).not.toBe('')
  expect(await look()).toEqual(before)
})

test('a pool that cannot be had says why in its view', async ({ page, notebook }) => {
  const source = cell(`const { WorkersPool } = await webpm.installWorkersPoolModule()
const { WorkersPoolView } = await webpm.installViewsModule()
const pool = new WorkersPool({ install: { esm: ['no-such-package-here'] } })
display(new WorkersPoolView({ workersPool: pool }))
await pool.ready().catch(() => {})`)
  await runAll(page, await notebook.write('a', source))
  await expect(page.locator('mh-pool').getByRole('alert').first()).toContainText('no-such-package-here')
})

test('an install is shown where it is wanted, and its screen goes when it is there', async ({ page, notebook }) => {
  const source = cell(`const { installWithUI } = await webpm.installViewsModule()
let shown = ''
let place
const { rxjs } = await installWithUI({
  esm: ['rxjs#^7.8.1 as rxjs'],
  onEvent: () => { shown += place.textContent },
  display: (view) => { place = view; display(view) },
})
display(rxjs.lastValueFrom.name.length > 0 ? 'installed' : 'not', shown.includes('rxjs') ? 'told' : shown)`)
  await runAll(page, await notebook.write('a', source))
  await expect(outputOf(page, 0).locator('.mh-text')).toHaveText(['installed', 'told'])
  await expect(page.locator('.mh-loading-screen')).toHaveCount(0)
})

test('an install that fails leaves its screen with the reason, until it is closed', async ({ page, notebook }) => {
  const source = cell(`const { installWithUI } = await webpm.installViewsModule()
await installWithUI({ esm: ['no-such-package-here'] })`)
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  const screen = page.locator('.mh-loading-screen')
  await expect(screen.getByRole('alert')).toContainText('no-such-package-here')
  expect(await screen.evaluate((box) => [box.clientWidth, box.clientHeight].join())).toBe(await page.evaluate(() => [innerWidth, innerHeight].join()))
  await screen.getByRole('button', { name: 'Close' }).click()
  await expect(screen).toHaveCount(0)
  await expect(outputOf(page, 0).getByRole('alert')).toContainText('InstallError')
})

test('a loading screen shows files with their sizes, and what goes on', async ({ page, notebook }) => {
  const source = cell(`const { LoadingScreenView } = await webpm.installViewsModule()
const box = document.createElement('div')
box.style.cssText = 'position:relative;height:12rem'
display(box)
const screen = new LoadingScreenView({ container: box })
screen.next({ step: 'ManifestReceived', files: 2, bytes: 3e6 })
screen.next({ step: 'FileProgress', name: 'a.js', bytes: 5e5, total: 2e6 })
screen.next({ step: 'FileVerified', name: 'b.js', bytes: 1e6 })`) + cell('screen.done()')
  await page.goto(await notebook.write('a', source))
  const run = page.getByRole('button', { name: 'run the cell' })
  await run.nth(0).click()
  const screen = outputOf(page, 0).locator('.mh-loading-screen')
  await expect(screen.getByRole('status')).toHaveText('fetching 2 files')
  await expect(screen.getByRole('listitem')).toHaveText(['↓ a.js · 0.5 MB of 2.0 MB', '✓ b.js · 1.0 MB'])
  await run.nth(1).click()
  await expect(screen).toHaveCount(0)
})

test('what the page has is told with versions and what they need', async ({ page, notebook }) => {
  const source =
    cell('const { RuntimeView } = await webpm.installViewsModule()\ndisplay(new RuntimeView().element())') +
    cell(`await webpm.install({ esm: ['rxjs#^7.8.1 as rxjs'], css: ['bootstrap#^5.3.3~bootstrap.min.css'] })
await webpm.install({ pyodide: ['numpy'] })
display(new RuntimeView())`)
  await runAll(page, await notebook.write('a', source))
  await expect(outputOf(page, 0)).toContainText('Nothing was installed into this page.')
  const rows = outputOf(page, 1).locator('tbody tr')
  await expect(rows.filter({ hasText: /^rxjs7\.\d+\.\d+moduletslib@2\.\d+\.\d+$/ })).toHaveCount(1)
  await expect(rows.filter({ hasText: /^bootstrap5\.3\.\d+stylesheet–$/ })).toHaveCount(1)
  await expect(rows.filter({ hasText: /^numpy2\.\d+\.\d+Python–$/ })).toHaveCount(1)
})
