/** Pages and views for everyone: axe-core finds nothing to complain about, light or dark. */

import { violations } from '../accessibility.js'
import { cell, expect, outputOf, test } from '../notebook-server.js'

test('what is not for everyone is found', async ({ page, notebook }) => {
  await page.goto(await notebook.write('a', '# A\n\n<p style="color:#999;background:#fff">pale</p>\n\n<img src="data:,">\n'))
  const found = await violations(page)
  expect(found).toContainEqual(expect.stringContaining('color-contrast'))
  expect(found).toContainEqual(expect.stringContaining('image-alt'))
})

const PAGE = `# A page with everything

Some prose with \`code\`, a [link](https://example.org), and an <api-link target="WorkersPool"></api-link>.

<note level="warning" title="Careful">
A note, **with** Markdown.
</note>

<note level="hint" expandable open>
Another one.
</note>

| a | b |
| --- | --- |
| 1 | 2 |

<code-snippet language="javascript" highlightedLines="2">
const a = 1
const b = 'two' // a comment
</code-snippet>

${cell(`const { WorkersPool } = await webpm.installWorkersPoolModule()
const { WorkersPoolView, RuntimeView } = await webpm.installViewsModule()
const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 3 } })
display(new WorkersPoolView({ workersPool: pool }), new RuntimeView())`)}
${cell('display({ a: [1, "two", null], nested: new Map([["k", 1n]]) }, [{ id: 1, name: "one" }, { id: 2, name: "two" }], "text")')}
${cell(`await pool.ready()
const wait = ({ context }) => new Promise((end) => context.signal.addEventListener('abort', end))
const stuck = pool.run(wait, null, { title: 'A long one' })
stuck.then(null, () => {})
await pool.run(() => { throw new Error('no') }).then(null, () => {})
await pool.run(() => 1)`)}
${cell('const fail = () => {\n  throw new RangeError("for all to see")\n}\nfail()')}
${cell('const = 1')}
${cell('1 / 0', 'py-cell')}
`

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a page with a pool at work, values and errors, ${colorScheme}`, async ({ page, notebook }) => {
    await page.emulateMedia({ colorScheme })
    await page.goto(`${await notebook.write('a', PAGE)}`)
    const run = page.getByRole('button', { name: 'run the cell' })
    for (const index of [0, 1, 2, 3, 5]) {
      await run.nth(index).click()
      await expect(page.locator('mh-cell').nth(index)).toHaveAttribute('data-state', index < 3 ? 'done' : 'error', { timeout: 60_000 })
    }
    await expect(page.locator('mh-pool .worker[data-state=busy]')).toBeVisible()
    await page.locator('mh-cell').nth(1).locator('summary').first().click()
    await page.locator('mh-cell').nth(3).locator('summary').click()
    expect(await violations(page)).toEqual([])
    // An editor, and cells that are out of date.
    await page.locator('mh-cell').nth(0).locator('.mh-source').click()
    await page.locator('mh-cell').nth(0).locator('.cm-content').press('Control+End')
    await page.keyboard.type('\n// edited')
    await expect(page.locator('mh-cell').nth(0)).toHaveAttribute('data-stale', '')
    expect(await violations(page)).toEqual([])
  })

  test(`a page that cannot be shown, and the list of pages, ${colorScheme}`, async ({ page, notebook }) => {
    await page.emulateMedia({ colorScheme })
    await notebook.write('b', '# B')
    const url = await notebook.write('a', '<js-cell>')
    await page.goto(url)
    await expect(page.getByText('`<js-cell>` is not closed')).toBeVisible()
    expect(await violations(page)).toEqual([])
    await page.goto(new URL('/', url).href)
    expect(await violations(page)).toEqual([])
  })
}

test('cells are run, edited and left with the keyboard alone', async ({ page, notebook }) => {
  await page.goto(await notebook.write('a', cell('display("ran")') + cell('display("second")')))
  await expect(page.locator('body')).toHaveAttribute('data-state', 'ready')
  await page.locator('.mh-source').first().focus()
  await page.keyboard.press('Shift+Enter')
  await expect(outputOf(page, 0)).toHaveText('ran')
  await page.keyboard.press('Enter')
  await expect(page.locator('.cm-content')).toBeFocused()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(';display("typed")')
  await page.keyboard.press('Shift+Enter')
  await expect(outputOf(page, 0).locator('.mh-text')).toHaveText(['ran', 'typed'])
  // Tab indents; after Escape it leaves.
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  await expect(page.locator('mh-cell').nth(1).getByRole('button', { name: 'run the cell' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(outputOf(page, 1)).toHaveText('second')
})
