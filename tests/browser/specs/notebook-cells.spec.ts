/** Cells of a notebook: order, shared names, errors, editing, live reload. */

import { cell, expect, settled, test } from '../notebook-server.js'

test('a page is ready, and runs its cells in order when asked to', async ({ page, notebook }) => {
  const url = await notebook.write('a', `# A\n\n${cell('const a = 1\ndisplay("one")')}${cell('display(`two ${a + 1}`)')}`)
  await page.goto(url)
  await expect(page.locator('body')).toHaveAttribute('data-state', 'ready')
  await expect(page.locator('mh-cell').first()).toHaveAttribute('data-state', 'idle')
  await page.locator('[data-role=run-all]').click()
  expect(await settled(page)).toBe('done')
  await expect(page.locator('mh-cell [data-role=output]')).toHaveText(['one', 'two 2'])
})

test('names that are assigned to are the same in all cells, whoever assigns', async ({ page, notebook }) => {
  const source =
    cell('let count = 0\nconst up = () => { count += 1 }\nfunction read() { return count }') +
    cell('up(); count += 10; ({ count } = { count: count + 100 })') +
    cell('display([count, read()].join())')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('done')
  await expect(page.locator('mh-cell').last().locator('[data-role=output]')).toHaveText('111,111')
})

test('functions keep their text, so that workers can have them', async ({ page, notebook }) => {
  const source =
    cell('const { WorkersPool } = await webpm.installWorkersPoolModule()\nconst pool = new WorkersPool({ pool: { stretchTo: 1 } })') +
    cell('const twice = ({ args }) => {\n  // a comment\n  return args * 2\n}') +
    cell('display(String(await pool.run(twice, 21)))\ndisplay(twice.toString())') +
    cell('const n = 5') +
    cell('const m = n + 1\ndisplay(`in the worker: ${m}`)', 'worker-cell workers-pool="pool" captured-in="n" captured-out="m"') +
    cell('display(`back: ${m}`)\npool.terminate()')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page), String(await page.locator('.mh-error').allInnerTexts())).toBe('done')
  const outputs = page.locator('mh-cell [data-role=output]')
  await expect(outputs.nth(2)).toContainText('42')
  await expect(outputs.nth(2)).toContainText('// a comment')
  await expect(outputs.nth(4)).toHaveText('in the worker: 6')
  await expect(outputs.nth(5)).toHaveText('back: 6')
})

test('an error names its line in the file, and what follows does not run', async ({ page, notebook }) => {
  const source = `# A\n\n${cell('const f = () => {\n  throw new TypeError("no")\n}')}text\n\n${cell('\nf()')}${cell('display("never")')}`
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  const failed = page.locator('mh-cell[data-state=error]')
  await expect(failed).toHaveCount(1)
  await expect(failed).toContainText('TypeError: no')
  await expect(failed).toContainText('a.md, line 5')
  await failed.locator('summary').click()
  await expect(failed.locator('pre').last()).toContainText('a.md:13:1')
  await expect(page.locator('mh-cell').last()).toHaveAttribute('data-state', 'idle')
})

test('a mistake in the syntax, and a name that is not there yet, are told', async ({ page, notebook }) => {
  const url = await notebook.write('a', `${cell('display(later)')}${cell('const later = 1')}${cell('const = 1')}`)
  await page.goto(url)
  await expect(page.locator('mh-cell').last()).toContainText('a.md, line 10, column 7')
  await page.locator('mh-cell').first().getByRole('button', { name: 'run the cell' }).click()
  await expect(page.locator('mh-cell').first()).toContainText('`later` is declared by the cell at line 6, which has not run')
})

test('an edited cell runs as it was edited, and those that depend on it are marked', async ({ page, notebook }) => {
  const url = await notebook.write('a', `${cell('const a = 1')}${cell('display(`a is ${a}`)')}${cell('display("other")')}`)
  await page.goto(`${url}?run=all`)
  expect(await settled(page)).toBe('done')
  const [first, second, third] = [0, 1, 2].map((index) => page.locator('mh-cell').nth(index))
  if (!first || !second || !third) throw new Error('three cells')
  await first.locator('.mh-source').click()
  await first.locator('.cm-content').fill('const a = 2')
  await expect(first).toHaveAttribute('data-stale', '')
  await first.locator('.cm-content').press('Shift+Enter')
  await expect(second).toHaveAttribute('data-stale', '')
  await expect(third).not.toHaveAttribute('data-stale')
  await second.getByRole('button', { name: 'run the cell' }).click()
  await expect(second.locator('[data-role=output]')).toHaveText('a is 2')
  await expect(second).not.toHaveAttribute('data-stale')
})

test('a reactive cell runs again when what it uses changes', async ({ page, notebook }) => {
  const source =
    cell('let send\nconst value$ = { pipe() {}, subscribe(o) { send = (v) => o.next(v); o.next(1); return { unsubscribe() {} } } }') +
    cell('display(`value ${value$}`)', 'js-cell reactive') +
    cell('send(7)')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  await expect(page.locator('mh-cell').nth(1).locator('[data-role=output]')).toHaveText('value 7')
})

test('a changed file changes the page, and what did not change stays', async ({ page, notebook }) => {
  const url = await notebook.write('a', `# Old\n\n${cell('display(Math.random())')}tail\n`)
  await page.goto(`${url}?run=all`)
  expect(await settled(page)).toBe('done')
  const output = await page.locator('mh-cell [data-role=output]').innerText()
  await notebook.write('a', `# New\n\nbefore\n\n${cell('display("added")')}${cell('display(Math.random())')}tail\n`)
  await expect(page.locator('h1')).toHaveText('New')
  await expect(page.locator('mh-cell')).toHaveCount(2)
  await expect(page.locator('mh-cell').nth(1).locator('[data-role=output]')).toHaveText(output)
  await page.locator('mh-cell').first().getByRole('button', { name: 'run the cell' }).click()
  await expect(page.locator('mh-cell').first().locator('[data-role=output]')).toHaveText('added')
  await notebook.write('a', '# Newer\n\n<js-cell>\n')
  await expect(page.getByRole('alert')).toContainText('a.md:3: `<js-cell>` is not closed')
  await notebook.write('a', '# Newest\n')
  await expect(page.locator('h1')).toHaveText('Newest')
  await expect(page.locator('mh-cell')).toHaveCount(0)
})

test('any value is shown and unfolded; ten thousand records are a table that scrolls', async ({ page, notebook }) => {
  const source =
    cell('const o = { a: [1, { b: new Map([["k", 2n]]) }] }; o.self = o\ndisplay(o, null, undefined, () => 1, new Error("e"))') +
    cell('display(Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}` })))') +
    cell("const b = document.createElement('b')\nb.textContent = 'node'\ndisplay(b, { tag: 'i', innerText: 'virtual' })")
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('done')
  const [first, second, third] = [0, 1, 2].map((index) => page.locator('mh-cell').nth(index).locator('[data-role=output]'))
  if (!first || !second || !third) throw new Error('three cells')
  await first.locator('summary').first().click()
  await first.locator('.mh-entries > li', { hasText: 'self' }).locator('summary').click()
  await expect(first.locator('.mh-entries .mh-entries').first()).toContainText('a: Array(2)')
  expect(await second.locator('tr').count()).toBeLessThan(60)
  await second.locator('.mh-table').evaluate((box) => box.scrollTo({ top: box.scrollHeight }))
  await expect(second).toContainText('row 9999')
  await expect(third.locator('b')).toHaveText('node')
  await expect(third.locator('i')).toHaveText('virtual')
})

test('Python cells share names with JavaScript cells', async ({ page, notebook }) => {
  const source =
    cell('const n = 20\nconst double = (x) => 2 * x') +
    cell('m = double(n) + 2\nprint("printed")\nm', 'py-cell') +
    cell('display(`m is ${m}`)') +
    cell('\n1 / 0', 'py-cell')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  const outputs = page.locator('mh-cell [data-role=output]')
  await expect(outputs.nth(1)).toContainText('printed')
  await expect(outputs.nth(1)).toContainText('42')
  await expect(outputs.nth(2)).toHaveText('m is 42')
  await expect(outputs.nth(3)).toContainText('ZeroDivisionError')
  await expect(outputs.nth(3)).toContainText('a.md, line 18')
})

test('a folder lists its pages', async ({ page, notebook }) => {
  await notebook.write('b c', '# B')
  const url = await notebook.write('a', '# A')
  await page.goto(new URL('/', url).href)
  await page.getByRole('link', { name: 'b c' }).click()
  await expect(page.locator('h1')).toHaveText('B')
  await page.goto(`${url}.md`)
  await expect(page.locator('h1')).toHaveText('A')
})
