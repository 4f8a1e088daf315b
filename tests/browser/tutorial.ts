/** The tutorial about pools, as a reader has it: every cell runs as it stands, and its buttons do what they say. */

import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { expect, runAll, serveNotebook } from './notebook-server.js'

/** The page is not part of the repository: it is what the notebook has to run. */
const PAGE = process.env['MILLHAND_TUTORIAL'] ?? fileURLToPath(new URL('../../../shared/seed/workers-pool.md', import.meta.url))

export const NO_TUTORIAL = existsSync(PAGE) ? null : 'the tutorial is not here: name it in MILLHAND_TUTORIAL'

/** Serves a copy of the page in a folder of its own, with a lockfile if there is one: the server writes into it. */
export async function withTutorial(
  { lockfile, options, environment = {} }: { lockfile?: string; options: string[]; environment?: Record<string, string> },
  act: (url: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tutorial-'))
  await copyFile(PAGE, join(folder, 'page.md'))
  if (lockfile) await copyFile(lockfile, join(folder, 'millhand.lock'))
  const { url, end } = await serveNotebook(join(folder, 'page.md'), options, environment)
  try {
    await act(url)
  } finally {
    await end()
    await rm(folder, { recursive: true, force: true })
  }
}

export async function tryTutorial(page: Page, url: string, during: () => Promise<void> = async () => {}): Promise<void> {
  await runAll(page, url)
  const messages = await page.getByText(/^\{"type":/).allInnerTexts()
  expect(messages[0]).toContain('"type":"Start"')
  expect(messages.at(-1)).toContain('"type":"Exit"')
  const pi = await page.getByText(/^pi=3\.\d+/).innerText()
  expect(Math.abs(Number(pi.slice('pi='.length)) - Math.PI)).toBeLessThan(0.05)

  await page.getByRole('button', { name: 'start 1000 runs' }).click()
  await expect(page.getByText(/^Results \/s: [1-9]/)).toBeVisible({ timeout: 60_000 })
  await during()
  await expect(page.getByText('Simulation count: 1000')).toBeVisible({ timeout: 200_000 })
  const average = await page.getByText(/^Average: /).innerText()
  expect(Math.abs(Number(average.slice('Average: '.length)) - Math.PI)).toBeLessThan(0.001)
  const workers = await page.getByText(/^Workers count: /).innerText()
  expect(Number(workers.slice('Workers count: '.length))).toBeGreaterThan(1)
  await expect(page.locator('mh-pool').first()).toContainText('Completed 1001')

  await page.getByRole('button', { name: 'Terminate' }).last().click()
  await expect(page.getByText('Workers count: 0')).toBeVisible()
  await expect(page.locator('mh-pool').first()).toContainText('terminated')
}
