/** The tutorial with nothing there: no cache, no lockfile. Packages come from the registries that this machine is set up for. */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '../notebook-server.js'
import { NO_TUTORIAL, tryTutorial, withTutorial } from '../tutorial.js'

test('all cells of the tutorial run with an empty cache, and again offline with what that left', async ({ page }) => {
  test.skip(NO_TUTORIAL !== null, NO_TUTORIAL ?? '')
  const cache = await mkdtemp(join(tmpdir(), 'cache-'))
  const environment = { MILLHAND_CACHE_DIR: cache }
  try {
    expect(await readdir(cache)).toEqual([])
    await withTutorial({ options: [], environment }, (url) => tryTutorial(page, url))
    expect(await readdir(cache)).not.toEqual([])
    await withTutorial({ options: ['--offline'], environment }, async (url) => {
      // Without a lockfile there is nothing to say which versions: it is refused, and not guessed.
      await page.goto(`${url}?run=all`)
      await expect(page.locator('mh-cell[data-state=error]')).toContainText('not in the cache, and downloads are off')
    })
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
})
