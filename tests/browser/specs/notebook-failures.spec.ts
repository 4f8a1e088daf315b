/** Failures of cells, as a reader sees them: what happened, and where in the page's file. */

import { cell, expect, outputOf, runAll, settled, test } from '../notebook-server.js'

const POOL = `const { WorkersPool } = await webpm.installWorkersPoolModule()
const pool = new WorkersPool({ pool: { stretchTo: 1 } })`

test('a mistake in the syntax names line and column, and shows the line', async ({ page, notebook }) => {
  await page.goto(await notebook.write('a', cell('const fine = 1\nconst = 2')))
  const error = outputOf(page, 0).getByRole('alert')
  await expect(error).toContainText('SyntaxError: Unexpected token')
  await expect(error).toContainText('a.md, line 3, column 7')
  await expect(error.locator('.mh-error-excerpt')).toContainText('→ 3  const = 2')
})

test('what a cell throws is told with the line that threw, and its cause', async ({ page, notebook }) => {
  const source = cell('const check = (x) => {\n  if (x > 2) throw new RangeError("too much", { cause: new Error("three") })\n}') + cell('check(3)')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  const error = outputOf(page, 1).getByRole('alert')
  await expect(error.locator('strong')).toHaveText('RangeError: too much')
  await expect(error).toContainText('a.md, line 3, column 20')
  await expect(error).toContainText('caused by Error: three')
  await error.locator('summary').click()
  await expect(error.locator('details pre')).toContainText('check (a.md:3:20)\n(a.md:8:1)')
})

test('a promise that a cell awaits and that rejects fails it, also with no error', async ({ page, notebook }) => {
  const url = await notebook.write('a', cell('await Promise.reject(new Error("refused"))') + cell('await Promise.reject("only text")'))
  await page.goto(url)
  for (const [index, text] of ['Error: refused', 'thrown: only text'].entries()) {
    await page.getByRole('button', { name: 'run the cell' }).nth(index).click()
    await expect(outputOf(page, index).getByRole('alert')).toContainText(text)
  }
})

test('what fails later is shown at the cell that started it', async ({ page, notebook }) => {
  const source =
    cell('display("started")\nconst fail = () => Promise.reject(new Error("forgotten"))\nfail()') +
    cell('const button = document.createElement("button")\nbutton.textContent = "break"\nbutton.onclick = () => { throw new Error("clicked") }\ndisplay(button)')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  await expect(outputOf(page, 0).getByRole('alert')).toContainText('Later, in what this cell started:Error: forgotten')
  await expect(outputOf(page, 0).getByRole('alert')).toContainText('a.md, line 3')
  await expect(outputOf(page, 0)).toContainText('started')
  await page.getByRole('button', { name: 'run the cell' }).nth(1).click()
  await page.getByRole('button', { name: 'break' }).click()
  await expect(outputOf(page, 1).getByRole('alert')).toContainText('Error: clicked')
  await expect(page.locator('body')).toHaveAttribute('data-state', 'failed')
})

test('an install that fails says which package, and why', async ({ page, notebook }) => {
  const url = await notebook.write('a', cell('await webpm.install({ esm: ["no-such-package-here"] })') + cell('import x from "no-such-package-here"'))
  await page.goto(url)
  for (const index of [0, 1]) {
    await page.getByRole('button', { name: 'run the cell' }).nth(index).click()
    const error = outputOf(page, index).getByRole('alert')
    await expect(error.locator('strong')).toContainText('InstallError')
    await expect(error).toContainText('no-such-package-here')
    await expect(error).toContainText('not in the cache, and downloads are off')
  }
})

test('an exception of Python is told as Python tells it, without the frames of every cell', async ({ page, notebook }) => {
  const source = cell('def half(x):\n    return x / 0\n\nhalf(3)', 'py-cell') + cell('y = = 1', 'py-cell')
  await page.goto(await notebook.write('a', source))
  await page.getByRole('button', { name: 'run the cell' }).nth(0).click()
  await expect(page.locator('mh-cell').first()).toHaveAttribute('data-state', 'error', { timeout: 60_000 })
  const first = outputOf(page, 0).getByRole('alert')
  await expect(first.locator('strong')).toHaveText('ZeroDivisionError: division by zero')
  await expect(first).toContainText('a.md, line 3')
  await expect(first.locator('.mh-error-excerpt')).toContainText('→ 3      return x / 0')
  await first.locator('summary').click()
  await expect(first.locator('details pre')).toContainText('File "a.md", line 5, in <module>')
  await expect(first.locator('details pre')).not.toContainText('_pyodide')
  await page.getByRole('button', { name: 'run the cell' }).nth(1).click()
  const second = outputOf(page, 1).getByRole('alert')
  await expect(second.locator('strong')).toContainText('SyntaxError: invalid syntax')
  await expect(second).toContainText('a.md, line 9')
})

test('errors in workers are told in the page’s lines, whatever the cell captures', async ({ page, notebook }) => {
  const source =
    cell(POOL) +
    cell('const three = 3\nconst half = (x) => {\n  // several lines\n  return x / 2\n}') +
    cell('const x = half(three)\n\nif (x > 1) throw new RangeError(`x is ${x}`)', 'worker-cell workers-pool="pool" captured-in="three half"')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  const error = outputOf(page, 2).getByRole('alert')
  await expect(error.locator('strong')).toHaveText('RangeError: x is 1.5')
  await expect(error).toContainText('a.md, line 17, column 18')
  await expect(error.locator('.mh-error-excerpt')).toContainText('→ 17  if (x > 1)')
})

test('a worker cell that cannot run says what it lacks', async ({ page, notebook }) => {
  const source =
    cell(`${POOL}\nconst notPool = 3\nconst native = Math.max`) +
    cell('1', 'worker-cell') +
    cell('1', 'worker-cell workers-pool="notPool"') +
    cell('1', 'worker-cell workers-pool="nowhere"') +
    cell('const a = 1', 'worker-cell workers-pool="pool" captured-out="b"') +
    cell('native(1)', 'worker-cell workers-pool="pool" captured-in="native"') +
    cell('1', 'worker-cell workers-pool="pool" mode="python"')
  await page.goto(await notebook.write('a', source))
  const reasons = [
    '',
    'the cell names no pool',
    '`notPool` is no workers pool',
    'nowhere is not defined',
    '`b` is in `captured-out`, and the cell does not declare it',
    '`native` is native or bound',
    'install: { pyodide: [] }',
  ]
  for (const [index, reason] of reasons.entries()) {
    await page.getByRole('button', { name: 'run the cell' }).nth(index).click()
    if (reason) await expect(outputOf(page, index).getByRole('alert')).toContainText(reason)
    else await expect(page.locator('mh-cell').nth(index)).toHaveAttribute('data-state', 'done')
  }
})

test('a failure leaves what was shown before, and the next run begins anew', async ({ page, notebook }) => {
  const url = await notebook.write('a', cell('let tries = 0') + cell('tries += 1\ndisplay(`try ${tries}`)\nif (tries < 2) throw new Error("once")'))
  await page.goto(`${url}?run=all`)
  expect(await settled(page)).toBe('failed')
  await expect(outputOf(page, 1)).toContainText('try 1')
  await page.getByRole('button', { name: 'run the cell' }).nth(1).click()
  await expect(outputOf(page, 1)).toHaveText('try 2')
  await expect(page.locator('body')).toHaveAttribute('data-state', 'done')
  await runAll(page, await notebook.write('b', cell('display(1)')))
})
