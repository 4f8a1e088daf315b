/** The test pages, exported into a folder of files: any host can serve it, and nobody else is asked. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from '@playwright/test'
import type { WorkerScope } from 'millhand'
import { expect, test } from '../fixtures.js'
import { PlainHost } from '../plain-host.js'

const ESM = ['rxjs#^7.8.1', 'rxjs/fetch#^7.8.1', 'rxjs/operators#^7.8.1']
const CSS = ['bootstrap#^5.3.3~bootstrap.min.css', 'fontawesome#5.12.1~css/all.min.css']

let scratch: string
let folder: string

test.beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millhand-export-'))
  folder = join(scratch, 'dist')
  const pages = fileURLToPath(new URL('../pages', import.meta.url))
  const lockfile = join(scratch, 'millhand.lock')
  await copyFile(join(pages, 'millhand.lock'), lockfile)
  const overlay = process.env['MILLHAND_OVERLAY']
  const sources = ['--offline', '--lockfile', lockfile, ...(overlay ? ['--overlay', overlay] : [])]
  await millhand('add', '--python', 'numpy', '--dir', pages, ...sources)
  await millhand('export', pages, '--out', folder, '--locked', ...sources)
})

test.afterAll(() => rm(scratch, { recursive: true }))

async function millhand(...args: string[]): Promise<void> {
  await promisify(execFile)(process.env['MILLHAND_BIN'] ?? 'millhand', args)
}

/** Opens a page of the host, and gives what it and its workers ask anyone else for. */
async function open(page: Page, host: PlainHost): Promise<string[]> {
  const beyond: string[] = []
  page.context().on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(host.url) && !/^(blob|data|about):/.test(url)) beyond.push(url)
  })
  await page.goto(`${host.url}index.html`)
  return beyond
}

for (const [where, base] of [
  ['the root of a host', '/'],
  ['a folder of a host', '/some/folder/'],
] as const) {
  test(`exported pages run at ${where}, with Python and npm packages, and ask nobody else`, async ({ page }) => {
    const host = await PlainHost.start(folder, base)
    const beyond = await open(page, host)
    const outcome = await page.evaluate(
      async ({ url, esm, css }) => {
        const { install, WorkersPool } = (await import(`${url}millhand/index.js`)) as typeof import('millhand')
        const [rxjs = '', ...others] = esm
        await install({ css })
        const button = document.body.appendChild(document.createElement('button'))
        button.className = 'btn btn-primary'
        button.innerHTML = '<i class="fas fa-check"></i>'
        const [icon] = await document.fonts.load('900 16px "Font Awesome 5 Free"')

        const npm = new WorkersPool({
          install: { esm: [`${rxjs} as rxjs`, ...others] },
          pool: { startAt: 2, stretchTo: 2 },
        })
        const sum = ({ args, workerScope }: { args: number; workerScope: WorkerScope }) => {
          const { rxjs } = workerScope
          return rxjs.firstValueFrom(rxjs.range(1, args).pipe(rxjs.reduce((sum: number, next: number) => sum + next)))
        }
        const sums = [1, 2, 3].map((count) => npm.run(sum, count))
        const python = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 1 } })
        const total = await python.python('import numpy\nint(numpy.arange(10).sum())')
        const seen = {
          isolated: crossOriginIsolated,
          button: getComputedStyle(button).backgroundColor,
          icon: icon?.status,
          sums: await Promise.all(sums),
          total,
        }
        npm.terminate()
        python.terminate()
        return seen
      },
      { url: host.url, esm: ESM, css: CSS },
    )
    await page.goto('about:blank')
    await host.stop()
    expect(outcome).toEqual({
      isolated: false,
      button: 'rgb(13, 110, 253)',
      icon: 'loaded',
      sums: [1, 3, 6],
      total: 45,
    })
    expect(beyond).toEqual([])
    expect(host.answers.filter((answer) => !answer.startsWith('200 GET '))).toEqual([])
    expect(host.answers.some((answer) => answer.includes('/rxjs@'))).toBe(true)
    expect(host.answers.some((answer) => answer.includes('numpy'))).toBe(true)
  })
}

test('what was not exported is refused without asking anyone, with the way to have it', async ({ page }) => {
  const host = await PlainHost.start(folder)
  const beyond = await open(page, host)
  const error = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(install({ esm: ['lodash#^3'] }))
  })
  await host.stop()
  expect(error).toMatchObject({ code: 'install-failed', hint: 'export the page anew: `millhand export`' })
  expect(error.message).toContain('lodash#^3')
  expect(beyond).toEqual([])
})
