/** A page of the real server that fails its test on any error that nobody handled. */

import { test as base } from '@playwright/test'

export const test = base.extend({
  page: async ({ page }, use) => {
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(process.env['MILLHAND_URL'] ?? '')
    await use(page)
    if (errors.length > 0) throw new AggregateError(errors, `unhandled errors in the page: ${errors.join('; ')}`)
  },
})

export { expect } from '@playwright/test'
