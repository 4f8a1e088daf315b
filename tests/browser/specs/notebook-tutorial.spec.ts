/** The tutorial about pools, as a reader has it: every cell runs as it stands. */

import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, LOCKFILE, serveNotebook, settled, test } from '../notebook-server.js'

/** The page is not part of the repository: it is what the notebook has to run. */
const PAGE = process.env['MILLHAND_TUTORIAL'] ?? fileURLToPath(new URL('../../../../shared/seed/workers-pool.md', import.meta.url))

test('all cells of the tutorial run, and its buttons do what they say', async ({ page }) => {
  test.skip(!existsSync(PAGE), 'the tutorial is not here: name it in MILLHAND_TUTORIAL')
  test.setTimeout(300_000)
  // A folder of its own: the server puts a lockfile beside the page.
  const folder = await mkdtemp(join(tmpdir(), 'tutorial-'))
  await copyFile(PAGE, join(folder, 'page.md'))
  await copyFile(LOCKFILE, join(folder, 'millhand.lock'))
  const { url, end } = await serveNotebook(join(folder, 'page.md'))
  try {
    await page.goto(`${url}?run=all`)
    expect(await settled(page), await page.locator('.mh-error').allInnerTexts().then(String)).toBe('done')
    await expect(page.getByText(/^pi=3\.\d+/)).toBeVisible()
    await expect(page.getByText(/"type":"Exit"/)).toBeVisible()
    await page.getByRole('button', { name: 'start 1000 runs' }).click()
    await expect(page.getByText('Simulation count: 1000')).toBeVisible({ timeout: 200_000 })
    await expect(page.getByText(/^Average: 3\.1[34]/)).toBeVisible()
    await expect(page.locator('mh-pool').first()).toContainText('Completed 1001')
    await page.getByRole('button', { name: 'Terminate' }).last().click()
    await expect(page.locator('mh-pool').first()).toContainText('terminated')
  } finally {
    await end()
    await rm(folder, { recursive: true, force: true })
  }
})
