/** Which popular packages build, and import in a page and in a worker: the table of docs/compatibility.md. */

import { writeFile } from 'node:fs/promises'
import type { Browser } from '@playwright/test'
import { expect, test } from '../fixtures.js'
import { POPULAR_PACKAGES } from './popular-packages.js'

const TABLE = new URL('../../../docs/compatibility.md', import.meta.url)

interface Row {
  specifiers: string
  version: string
  page: string
  worker: string
}

test('popular packages import in a page and in a worker', async ({ browser }) => {
  const rows: Row[] = []
  for (const specifiers of POPULAR_PACKAGES) {
    const row = await tryOut(browser, specifiers)
    console.log(`${specifiers} ${row.version}: page: ${row.page}; worker: ${row.worker}`)
    rows.push(row)
  }
  await writeFile(TABLE, tableOf(rows))
  const failures = rows.filter((row) => row.page !== 'yes')
  expect(failures.length / rows.length, JSON.stringify(failures)).toBeLessThan(0.05)
})

/** Imports a package in a page of its own, and in a worker of a pool of its own. */
async function tryOut(browser: Browser, specifiers: string): Promise<Row> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(process.env['MILLHAND_URL'] ?? '')
    return await page.evaluate(async (specifiers) => {
      const { install, queryLoadingGraph, WorkersPool } = await import('millhand')
      const outcome = async (act: () => Promise<unknown>): Promise<string> => {
        try {
          await act()
          return 'yes'
        } catch (error) {
          const [message = ''] = String((error as Error).message).split('\n')
          // Which registry was asked is its user's business.
          return message.replace(/ ?`https?:[^`]*`/g, '')
        }
      }
      const esm = specifiers.split(' + ')
      let version = ''
      const inPage = await outcome(async () => {
        await install({ esm })
        version = (await queryLoadingGraph({ esm })).modules[0]?.version ?? ''
      })
      const pool = new WorkersPool({ install: { esm }, pool: { startAt: 1, stretchTo: 1 } })
      const inWorker = await outcome(() => pool.ready())
      pool.terminate()
      return { specifiers, version, page: inPage, worker: inWorker }
    }, specifiers)
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
    '| specifiers | version | in a page | in a worker |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| \`${row.specifiers}\` | ${row.version} | ${cell(row.page)} | ${cell(row.worker)} |`),
    '',
  ].join('\n')
}
