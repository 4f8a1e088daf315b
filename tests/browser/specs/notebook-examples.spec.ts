/** The pages in `examples` are documentation: each runs as it stands, offline, and shows what it says. */

import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { expect, runAll, serveNotebook, test } from '../notebook-server.js'

const EXAMPLES = fileURLToPath(new URL('../../../examples/notebook', import.meta.url))

/** What a page shows once all its cells have run. */
const SHOWN: Record<string, (page: Page) => Promise<void>> = {
  README: async (page) => {
    await page.getByRole('link', { name: 'Python' }).click()
    await expect(page.locator('h1')).toHaveText('Python')
  },
  'workers-pool': async (page) => {
    await expect(page.getByText(/^π is about 3\.1\d+/)).toBeVisible()
    await expect(page.locator('li', { hasText: 'Exit: lift-off' })).toBeVisible()
    await expect(page.getByText(/^10,000 roots, 666616 in all/)).toBeVisible()
    for (const reason of ['Threw', 'TimedOut', 'WorkerLost', 'Cancelled']) await expect(page.locator('.mh-table').filter({ hasText: 'out of range' })).toContainText(reason)
    await expect(page.getByText(/^PoolTerminated: /)).toBeVisible()
  },
  packages: async (page) => {
    await expect(page.getByText('tick 5 of 5')).toBeVisible()
    await expect(page.getByRole('button', { name: 'A button of Bootstrap' })).toHaveCSS('border-radius', '6px')
    await expect(page.getByRole('img', { name: 'a sine' })).toBeVisible()
    await expect(page.locator('.mh-runtime-view')).toContainText('mathjs')
    await expect(page.getByText(/^InvalidInputError: .*rxjs#\^\^7/)).toBeVisible()
  },
  python: async (page) => {
    await expect(page.getByText('SQUARES!')).toBeVisible()
    await expect(page.getByText('their sum is 30')).toBeVisible()
    await expect(page.getByText(/^OFF BY 0\.0/)).toBeVisible()
    await expect(page.getByText(/^KeyError: 'missing'/)).toBeVisible()
    await expect(page.getByText(/^Cancelled: /)).toBeVisible()
  },
  tour: async (page) => {
    await expect(page.getByText('The sum of the odd numbers below 1000 is 250000.')).toBeVisible()
    await page.getByRole('button', { name: 'click', exact: true }).click()
    await page.getByRole('button', { name: 'click', exact: true }).click()
    await expect(page.getByText('2 clicks make 4 squared')).toBeVisible()
  },
}

test('every page of the examples is tried', async () => {
  const pages = (await readdir(EXAMPLES)).filter((name) => name.endsWith('.md')).map((name) => name.slice(0, -3))
  expect(pages.sort()).toEqual(Object.keys(SHOWN).sort())
})

for (const [name, shown] of Object.entries(SHOWN)) {
  test(`the page ${name} runs, every cell`, async ({ page }) => {
    // A copy: the server writes into the lockfile what else is installed.
    const folder = await mkdtemp(join(tmpdir(), 'examples-'))
    await cp(EXAMPLES, folder, { recursive: true })
    const { url, end } = await serveNotebook(folder)
    try {
      if (name === 'README') await page.goto(`${url}${name}`)
      else await runAll(page, `${url}${name}`)
      await shown(page)
    } finally {
      await end()
      await rm(folder, { recursive: true, force: true })
    }
  })
}
