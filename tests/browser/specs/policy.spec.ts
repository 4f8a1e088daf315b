import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures.js'

/** Serves everything under a Content-Security-Policy. */
async function underPolicy(page: Page, policy: string) {
  await page.route('**/*', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': policy } })
  })
  await page.goto(`${process.env['MILLHAND_URL']}strict.html`)
  // A module that waits for another does not hold up the page's load.
  await page.waitForFunction(() => 'strict' in window)
}

test('under a strict policy modules run, and functions as source are refused with advice', async ({ page }) => {
  await underPolicy(page, "script-src 'self' 'wasm-unsafe-eval'")
  const seen = await page.evaluate(() => (window as unknown as { strict: () => Promise<Record<string, unknown>> }).strict())
  expect(seen['sum']).toBe(101)
  expect(seen['atTheCall']).toMatchObject({ code: 'source-forbidden' })
  expect(seen['atTheCall']).toMatchObject({ hint: expect.stringContaining('pool.use') })
  expect(seen['early']).toMatchObject({ reason: 'Threw' })
  expect(seen['again']).toMatchObject({ code: 'source-forbidden' })
})

test('functions as source need no unsafe-eval where blobs are allowed', async ({ page }) => {
  await underPolicy(page, "script-src 'self' blob: 'wasm-unsafe-eval'")
  const seen = await page.evaluate(() => (window as unknown as { strict: () => Promise<Record<string, unknown>> }).strict())
  expect(seen['sum']).toBe(101)
  expect(seen['early']).toBe(7)
  expect(seen['atTheCall']).toBe(8)
})
