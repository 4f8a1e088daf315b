/** Which popular packages build, and import in a page and in a worker: the table of docs/compatibility.md. */

import { writeFile } from 'node:fs/promises'
import type { Browser } from '@playwright/test'
import { expect, test } from '../fixtures.js'
import { POPULAR_PACKAGES } from './popular-packages.js'

const TABLE = new URL('../../../docs/compatibility.md', import.meta.url)

interface Row {
  specifier: string
  version: string
  page: string
  worker: string
}

test('popular packages import in a page and in a worker', async ({ browser }) => {
  const rows: Row[] = []
  for (const specifier of POPULAR_PACKAGES) {
    const row = await tryOut(browser, specifier)
    console.log(`${specifier} ${row.version}: page: ${row.page}; worker: ${row.worker}`)
    rows.push(row)
  }
  await writeFile(TABLE, tableOf(rows))
  const failures = rows.filter((row) => row.page !== 'yes')
  expect(failures).toEqual([])
})

/** Imports a package in a page of its own, and in a worker of a pool of its own. */
async function tryOut(browser: Browser, specifier: string): Promise<Row> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(process.env['MILLHAND_URL'] ?? '')
    return await page.evaluate(async (specifier) => {
      const { install, queryLoadingGraph, WorkersPool } = await import('millhand')
      const outcome = async (act: () => Promise<unknown>): Promise<string> => {
        try {
          await act()
          return 'yes'
        } catch (error) {
          return String((error as Error).message).split('\n')[0] ?? ''
        }
      }
      let version = ''
      const inPage = await outcome(async () => {
        await install({ esm: [specifier] })
        version = (await queryLoadingGraph({ esm: [specifier] })).modules[0]?.version ?? ''
      })
      const pool = new WorkersPool({ install: { esm: [specifier] }, pool: { startAt: 1, stretchTo: 1 } })
      const inWorker = await outcome(() => pool.ready())
      pool.terminate()
      return { specifier, version, page: inPage, worker: inWorker }
    }, specifier)
  } finally {
    await context.close()
  }
}

function tableOf(rows: Row[]): string {
  const count = (place: 'page' | 'worker'): number => rows.filter((row) => row[place] === 'yes').length
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  return [
    '# Popular packages, tried',
    '',
    `${rows.length} packages: ${count('page')} import in a page, ${count('worker')} in a worker, where there is no DOM. Made by`,
    '`MILLHAND_ONLINE=1 cargo xtask test browser -- --config playwright.long.config.ts packages-sweep`.',
    '',
    '| specifier | version | in a page | in a worker |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| \`${row.specifier}\` | ${row.version} | ${cell(row.page)} | ${cell(row.worker)} |`),
    '',
  ].join('\n')
}
