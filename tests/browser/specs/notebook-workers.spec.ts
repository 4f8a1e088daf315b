/** Worker cells: what they take along and give back, in both languages; and what Stop does. */

import { cell, expect, outputOf, runAll, settled, test } from '../notebook-server.js'

const poolWith = (install: string): string => `const { WorkersPool } = await webpm.installWorkersPoolModule()
const pool = new WorkersPool({ install: ${install}, pool: { stretchTo: 1, cancelGrace: 200 } })`

test('JavaScript with a package of the pool: values and functions in, values out', async ({ page, notebook }) => {
  const source =
    cell(poolWith("{ esm: ['mathjs#^15 as math'] }")) +
    cell('const angle = 45\nconst points = new Map([["a", [1, 2]]])\nfunction toRadians(degrees) {\n  return degrees * Math.PI / 180\n}') +
    cell(
      'const rotation = math.matrix([[Math.cos(toRadians(angle)), 0], [0, 1]]).toArray()\nlet seen = points.get("a")\ndisplay("in the worker", seen)\ncontext.info("a log")',
      'worker-cell workers-pool="pool" mode="javascript" captured-in="angle toRadians points" captured-out="rotation, seen"',
    ) +
    cell('display(rotation[0][0].toFixed(4), seen.join())')
  await runAll(page, await notebook.write('a', source))
  await expect(outputOf(page, 2)).toContainText('in the worker')
  await expect(outputOf(page, 2)).toContainText('Array(2) [1, 2]')
  await expect(outputOf(page, 2)).toContainText('a log')
  await expect(outputOf(page, 3).locator('.mh-text')).toHaveText(['0.7071', '1,2'])
})

test('Python with NumPy: values and functions in, values out, prints and the last value shown', async ({ page, notebook }) => {
  const source =
    cell(poolWith("{ pyodide: ['numpy'] }")) +
    cell('const samples = new Float64Array([1, 2, 3, 4])\nconst scale = { by: 10 }\nconst plusOne = (x) => x + 1') +
    cell(
      'import numpy as np\ndata = np.asarray(samples) * scale["by"]\nmean = data.mean()\nprint("mean of", len(data))\nnext_one = plusOne(41)\nnext_one',
      'worker-cell workers-pool="pool" mode="python" captured-in="samples scale plusOne" captured-out="mean data next_one"',
    ) +
    cell('display(`${mean} ${data.constructor.name} ${data.join()} ${next_one}`)') +
    cell('\n1 / (mean - mean)', 'worker-cell workers-pool="pool" mode="python" captured-in="mean"')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  await expect(outputOf(page, 3)).toHaveText('25 Float64Array 10,20,30,40 42')
  await expect(outputOf(page, 2).locator('.mh-text')).toHaveText(['mean of 4', '42'])
  const error = outputOf(page, 4).getByRole('alert')
  await expect(error.locator('strong')).toContainText('ZeroDivisionError')
  await expect(error).toContainText('a.md, line 27')
  await expect(error.locator('.mh-error-excerpt')).toContainText('→ 27  1 / (mean - mean)')
})

test('Python values of the page go into a worker, and a missing output is named', async ({ page, notebook }) => {
  const source =
    cell(poolWith('{ pyodide: [] }')) +
    cell('table = {"a": [1, 2]}', 'py-cell') +
    cell('total = sum(table["a"])', 'worker-cell workers-pool="pool" mode="python" captured-in="table" captured-out="total"') +
    cell('display(`total ${total}`)') +
    cell('x = 1', 'worker-cell workers-pool="pool" mode="python" captured-out="y"')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  expect(await settled(page)).toBe('failed')
  await expect(outputOf(page, 3)).toHaveText('total 3')
  await expect(outputOf(page, 4).getByRole('alert')).toContainText('NameError: `y` is in `captured-out`, and the cell does not set it')
})

test('a worker cell that never ends leaves the page responsive, and can be stopped', async ({ page, notebook }) => {
  const source =
    cell(poolWith('{}')) +
    cell('display("begins")\nfor (;;) {}', 'worker-cell workers-pool="pool"') +
    cell('display("never")') +
    cell('display("the pool goes on")', 'worker-cell workers-pool="pool"') +
    cell('display("alive")')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  await expect(outputOf(page, 1)).toContainText('begins')
  await expect(page.locator('body')).toHaveAttribute('data-state', 'running')
  await page.locator('mh-cell').nth(4).locator('.mh-source').click()
  await page.locator('mh-cell').nth(4).locator('.cm-content').fill('display("typed while it ran")')
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(outputOf(page, 1).getByRole('alert')).toContainText('Stopped: the task of this cell was cancelled in its worker')
  await expect(page.locator('mh-cell').nth(2)).toHaveAttribute('data-state', 'idle')
  for (const [index, text] of [[3, 'the pool goes on'], [4, 'typed while it ran']] as const) {
    await page.getByRole('button', { name: 'run the cell' }).nth(index).click()
    await expect(outputOf(page, index)).toHaveText(text)
  }
  await expect(page.getByRole('button', { name: 'Stop' })).toBeHidden()
})

test('for a cell in the page, Stop says what it does not do', async ({ page, notebook }) => {
  const source = cell('let go\nawait new Promise((resolve) => { go = resolve })') + cell('display("next")')
  await page.goto(`${await notebook.write('a', source)}?run=all`)
  await expect(page.locator('mh-cell').first()).toHaveAttribute('data-state', 'running')
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(outputOf(page, 0).getByRole('alert')).toContainText('Code in the page cannot be interrupted: what the cell has started goes on')
  await page.getByRole('button', { name: 'run the cell' }).nth(1).click()
  await expect(outputOf(page, 1)).toHaveText('next')
})

test('modules of npm and of the folder are imported by cells, by what is written in them', async ({ page, notebook }) => {
  await notebook.write('b', '# B')
  await notebook.file('own.js', 'export const answer = 42\nexport default () => "from a file"\n')
  const source =
    cell("import { map, of, lastValueFrom } from 'rxjs#^7.8.1'\nimport own, { answer } from './own.js'\nimport * as all from './own.js'") +
    cell('display(await lastValueFrom(of(answer).pipe(map((x) => x + 1))), own(), Object.keys(all).join())')
  await runAll(page, await notebook.write('a', source))
  await expect(outputOf(page, 1)).toContainText('43')
  await expect(outputOf(page, 1).locator('.mh-text')).toHaveText(['from a file', 'answer,default'])
})
