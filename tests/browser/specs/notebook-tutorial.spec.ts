import { violations } from '../accessibility.js'
import { expect, LOCKFILE, runAll, test } from '../notebook-server.js'
import { NO_TUTORIAL, tryTutorial, withTutorial } from '../tutorial.js'

const LOCKED = { lockfile: LOCKFILE, options: ['--offline'] }

test.beforeEach(() => {
  test.skip(NO_TUTORIAL !== null, NO_TUTORIAL ?? '')
  test.setTimeout(600_000)
})

test('all cells of the tutorial run offline, its buttons do what they say, and it is accessible', async ({ page }) => {
  await withTutorial(LOCKED, (url) => tryTutorial(page, url, async () => expect(await violations(page)).toEqual([])))
})

test('the tutorial is accessible while it runs, in the dark too', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' })
  await withTutorial(LOCKED, async (url) => {
    await runAll(page, url)
    await page.getByRole('button', { name: 'start 1000 runs' }).click()
    await expect(page.getByText(/^Results \/s: [1-9]/)).toBeVisible({ timeout: 60_000 })
    expect(await violations(page)).toEqual([])
  })
})
