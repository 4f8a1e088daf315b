import { violations } from '../accessibility.js'
import { expect, LOCKFILE, test } from '../notebook-server.js'
import { NO_TUTORIAL, tryTutorial, withTutorial } from '../tutorial.js'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`all cells of the tutorial run offline, and it is accessible while it does, ${colorScheme}`, async ({ page }) => {
    test.skip(NO_TUTORIAL !== null, NO_TUTORIAL ?? '')
    test.setTimeout(300_000)
    await page.emulateMedia({ colorScheme })
    await withTutorial({ lockfile: LOCKFILE, options: ['--offline'] }, (url) =>
      tryTutorial(page, url, async () => expect(await violations(page)).toEqual([])),
    )
  })
}
