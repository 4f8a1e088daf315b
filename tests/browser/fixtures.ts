/** A page of the real server that fails its test on any error that nobody handled. */

import type { Page } from '@playwright/test'
import { test as base } from '@playwright/test'

export interface ImageOptions {
  /** How pools use images, if a test does not say it; as the package does otherwise. */
  image: boolean | 'wait' | undefined
}

export const test = base.extend<ImageOptions>({
  image: [undefined, { option: true }],
  page: async ({ page, image }, use) => {
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    if (image !== undefined) await page.addInitScript(useImages, image)
    await page.goto(process.env['MILLHAND_URL'] ?? '')
    await use(page)
    if (errors.length > 0) throw new AggregateError(errors, `unhandled errors in the page: ${errors.join('; ')}`)
  },
})

export { expect } from '@playwright/test'

/** In each page, before whatever the test does: it asks for the same module later. */
function useImages(image: boolean | 'wait') {
  document.addEventListener('DOMContentLoaded', async () => (await import('millhand')).configureInstall({ image }))
}

/** Serves the page anew without cross-origin isolation: it shares no memory with its workers. */
export async function withoutIsolation(page: Page) {
  await page.route('**/*', async (route) => {
    const response = await route.fetch()
    const headers = response.headers()
    delete headers['cross-origin-embedder-policy']
    await route.fulfill({ response, headers })
  })
  await page.reload()
}

/** Serves the server's own Pyodide below `/distribution/`, laid out as a distribution is, with some files replaced. */
export async function serveDistribution(page: Page, replaced: Record<string, string> = {}) {
  const server = process.env['MILLHAND_URL'] ?? ''
  const manifest = `${server}millhand/manifest`
  const answer = await page.request.post(manifest, { data: { pyodide: { modules: [] } } })
  const { pyodide } = (await answer.json()) as { pyodide: { files: { name: string; url: string }[]; lock: object } }
  await page.route('**/distribution/*', async (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1) ?? ''
    if (name === 'pyodide-lock.json') return route.fulfill({ json: pyodide.lock })
    if (name in replaced) return route.fulfill({ body: replaced[name] ?? '' })
    const file = pyodide.files.find((file) => file.name === name)
    if (!file) return route.fulfill({ status: 404 })
    return route.fulfill({ response: await route.fetch({ url: new URL(file.url, manifest).href }) })
  })
}
