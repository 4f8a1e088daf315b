/** A notebook as files on a host that knows nothing of millhand. */

import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PlainHost } from '../plain-host.js'
import { expect, outputOf, runAll, test } from '../notebook-server.js'

const EXAMPLES = fileURLToPath(new URL('../../../examples/notebook', import.meta.url))

let scratch: string
let host: PlainHost

test.beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'notebook-export-'))
  const [pages, out] = [join(scratch, 'pages'), join(scratch, 'dist')]
  await cp(EXAMPLES, pages, { recursive: true })
  await promisify(execFile)(process.env['MILLHAND_BIN'] ?? 'millhand', ['export', join(pages, 'tour.md'), '--out', out, '--offline', '--locked'])
  host = await PlainHost.start(out)
})

test.afterAll(async () => {
  await host.stop()
  await rm(scratch, { recursive: true })
})

test('exported pages run, with workers and packages, and ask nobody else', async ({ page }) => {
  const beyond: string[] = []
  page.context().on('request', (request) => {
    if (!request.url().startsWith(host.url) && !/^(blob|data|about):/.test(request.url())) beyond.push(request.url())
  })
  await runAll(page, `${host.url}index.html`)
  await expect(page.getByText('The sum of the odd numbers below 1000 is 250000.')).toBeVisible()
  await page.getByRole('link', { name: 'workers pools' }).click()
  await expect(page).toHaveURL(`${host.url}workers-pool.html`)
  for (const name of ['workers-pool', 'packages']) await runAll(page, `${host.url}${name}.html`)
  await expect(page.getByRole('button', { name: 'A button of Bootstrap' })).toHaveCSS('border-radius', '6px')
  expect(beyond).toEqual([])
  expect(host.answers.filter((answer) => answer.startsWith('404'))).toEqual([])
})

test('cells of an exported page run one by one, and are not edited', async ({ page }) => {
  await page.goto(`${host.url}tour.html`)
  const source = page.locator('.mh-source').first()
  await source.click()
  await source.press('Enter')
  await expect(page.locator('.mh-editor')).toHaveCount(0)
  await source.press('Shift+Enter')
  await expect(outputOf(page, 0)).toContainText('784')
})
