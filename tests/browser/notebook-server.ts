/** A real `millhand notebook` on a folder of its own, whose files a test may change. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from '@playwright/test'
import { expect, test as base } from '@playwright/test'
import { listeningUrl } from './server.js'

/** What the test pages install, which set-up has put into the cache. */
export const LOCKFILE = fileURLToPath(new URL('pages/millhand.lock', import.meta.url))

export interface NotebookFolder {
  folder: string
  /** Writes a page, and serves the folder if it is not served yet; gives the page's url. */
  write: (name: string, text: string) => Promise<string>
  /** Writes a file beside the pages. */
  file: (name: string, text: string) => Promise<void>
}

export const test = base.extend<{ notebook: NotebookFolder }>({
  notebook: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'notebook-'))
    await copyFile(LOCKFILE, join(folder, 'millhand.lock'))
    const served: Promise<{ url: string; end: () => Promise<void> }>[] = []
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, `${name}.md`), text)
      // A folder without pages is not served.
      if (served.length === 0) served.push(serveNotebook(folder))
      const [server] = await Promise.all(served)
      return `${server?.url}${name}`
    }
    await use({ folder, write, file: (name, text) => writeFile(join(folder, name), text) })
    for (const server of await Promise.all(served)) await server.end()
    await rm(folder, { recursive: true, force: true })
  },
  page: async ({ page }, use) => {
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await use(page)
    if (errors.length > 0) throw new AggregateError(errors, `unhandled errors in the page: ${errors.join('; ')}`)
  },
})

export { expect } from '@playwright/test'

export async function serveNotebook(
  path: string,
  options: string[] = ['--offline'],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ url: string; end: () => Promise<void> }> {
  const overlay = process.env['MILLHAND_OVERLAY']
  const args = ['notebook', path, '--port', '0', ...options, ...(overlay ? ['--overlay', overlay] : [])]
  const server = spawn(process.env['MILLHAND_BIN'] ?? 'millhand', args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...environment },
  })
  const exited = once(server, 'exit')
  const url = await listeningUrl(server.stdout)
  return {
    url,
    end: async () => {
      server.kill('SIGTERM')
      await exited
    },
  }
}

/** A cell's text in a page. */
export const cell = (source: string, tag = 'js-cell'): string => `<${tag}>\n${source}\n</${tag.split(' ')[0]}>\n\n`

/** Runs a whole page, which must not fail. */
export async function runAll(page: Page, url: string): Promise<void> {
  await page.goto(`${url}?run=all`)
  expect(await settled(page), String(await page.locator('.mh-error').allInnerTexts())).toBe('done')
}

/** What a cell shows, by its number from 0. */
export const outputOf = (page: Page, index: number): Locator => page.locator('mh-cell').nth(index).locator('[data-role=output]')

/** Waits until all that was asked for has run. */
export async function settled(page: Page): Promise<string> {
  const state = await page.waitForFunction(() => {
    const { state } = document.body.dataset
    return state === 'done' || state === 'failed' ? state : null
  }, undefined, { timeout: 100_000 })
  return state.jsonValue() as Promise<string>
}
