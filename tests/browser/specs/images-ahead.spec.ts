/** Images that a browser of the command line's made ahead: a page's first visit has them. */

import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures.js'
import { PlainHost } from '../plain-host.js'
import { FOUR_DRAWS, numpy, runOnEach } from '../python-pools.js'
import { cacheWithoutImages, listeningUrl } from '../server.js'

const SUM = 'import numpy; int(numpy.arange(4).sum())'
const NO_IMAGES = { reasons: [], steps: ['ImageFound'] }

let scratch: string
let folder: string
let sources: string[]

// The tests share one export, and each image is made by a browser that starts from nothing.
test.describe.configure({ mode: 'serial', timeout: 300_000 })

test.beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millhand-images-'))
  await mkdir(join(scratch, 'site'))
  await cp(fileURLToPath(new URL('../pages/index.html', import.meta.url)), join(scratch, 'site/index.html'))
  const overlay = process.env['MILLHAND_OVERLAY']
  sources = ['--offline', '--cache-dir', await cacheWithoutImages(scratch), ...(overlay ? ['--overlay', overlay] : [])]
  folder = join(scratch, 'dist')
  await millhand('add', '--python', 'numpy', '--dir', join(scratch, 'site'), ...sources)
  const { stdout } = await millhand('export', join(scratch, 'site'), '--out', folder, '--locked', '--images', ...sources)
  expect(stdout).toContain(' 1 images')
})

test.afterAll(() => rm(scratch, { recursive: true }))

function millhand(...args: string[]) {
  return promisify(execFile)(process.env['MILLHAND_BIN'] ?? 'millhand', args)
}

/** What was asked for besides the page and the package. */
const filesOf = (host: PlainHost): string[] => host.answers.flatMap((answer) => /\/files\/\w+\/(.+)$/.exec(answer)?.[1] ?? [])

test('the first visit to an export finds the image, all workers boot from it, and a later visit has it in storage', async ({ page }) => {
  const host = await PlainHost.start(folder)
  await page.goto(host.url)
  const first = await runOnEach(page, numpy(4), `${FOUR_DRAWS} + [int(numpy.arange(4).sum())]`, 'kept')
  expect(first).toMatchObject({ starts: Array(4).fill('image'), ...NO_IMAGES })
  const draws = first.values as unknown[][]
  for (const kind of [0, 1, 2, 3, 4]) expect(new Set(draws.map((draw) => draw[kind])).size).toBe(4)
  expect(draws.map((draw) => draw[5])).toEqual([6, 6, 6, 6])
  expect(filesOf(host).sort()).toEqual(['pyodide.asm.js', 'pyodide.asm.wasm', 'pyodide.mjs', 'python.image', 'python_stdlib.zip'])

  await page.reload()
  host.answers.length = 0
  expect(await runOnEach(page, numpy(1), SUM)).toEqual({ values: [6], starts: ['image'], ...NO_IMAGES })
  expect(filesOf(host)).not.toContain('python.image')
  await host.stop()
})

test('modules of the standard library that the image has not, and packages that are in it, are there', async ({ page }) => {
  const host = await PlainHost.start(folder)
  await page.goto(host.url)
  const source = `
import sys
was_there = "statistics" in sys.modules
import statistics, numpy.testing, pyodide_js
await pyodide_js.loadPackage("numpy")
[was_there, statistics.mean([1, 2, 3]), numpy.__version__]`
  const { values, starts } = await runOnEach(page, numpy(1), source)
  await host.stop()
  expect(starts).toEqual(['image'])
  expect(values).toEqual([[false, 2, '2.2.5']])
})

test('the time zone is that of the visit, not that of the making', async ({ browser }) => {
  const host = await PlainHost.start(folder)
  const context = await browser.newContext({ timezoneId: 'Asia/Kolkata' })
  const page = await context.newPage()
  await page.goto(host.url)
  const source = `
import time
from datetime import datetime
[time.timezone, time.altzone, time.daylight, list(time.tzname), time.localtime(0).tm_hour, datetime.fromtimestamp(0).astimezone().isoformat()]`
  const from = await runOnEach(page, numpy(1), source)
  const without = await runOnEach(page, numpy(1, { image: false }), source)
  await context.close()
  await host.stop()
  expect(from.starts).toEqual(['image'])
  expect(from.values).toEqual([[-19800, -19800, 0, ['UTC+0530', 'UTC+0530'], 5, '1970-01-01T05:30:00+05:30']])
  expect(from.values).toEqual(without.values)
})

test('an image with other imports than the page wants is left, and the page makes its own', async ({ page }) => {
  const host = await PlainHost.start(folder)
  await page.goto(host.url)
  const { values, starts, reasons, steps } = await runOnEach(page, numpy(1, { imports: ['statistics'] }), SUM, 'kept')
  await host.stop()
  expect(values).toEqual([6])
  expect(starts).toEqual(['files'])
  expect(reasons).toEqual(['files: the one that was made ahead is of other files or imports, or for other browsers'])
  expect(steps).toEqual(['ImageUnavailable', 'ImageBuilding', 'ImageBuilt'])
  expect(filesOf(host)).not.toContain('python.image')
})

interface Prebuilt {
  environments: { manifest: { pyodide?: { image?: { key: string; url: string; sha256: string } } } }[]
}

/** A copy of the export, with its image changed. */
async function exportWith(change: (image: Buffer) => Buffer, isHashed: boolean): Promise<PlainHost> {
  const copy = await mkdtemp(join(scratch, 'changed-'))
  await cp(folder, copy, { recursive: true })
  const path = join(copy, 'millhand/manifest.json')
  const prebuilt = JSON.parse(await readFile(path, 'utf8')) as Prebuilt
  for (const { image } of prebuilt.environments.flatMap(({ manifest }) => manifest.pyodide ?? [])) {
    if (!image) throw new Error('the export has no image')
    const file = join(copy, 'millhand', image.url)
    const changed = change(await readFile(file))
    await writeFile(file, changed)
    if (isHashed) image.sha256 = createHash('sha256').update(changed).digest('hex')
  }
  await writeFile(path, JSON.stringify(prebuilt))
  return PlainHost.start(copy)
}

test('an image that was changed on the host is refused, and the page goes on without it', async ({ page }) => {
  const host = await exportWith((image) => Buffer.concat([image.subarray(0, -1), Buffer.from([0x55])]), false)
  await page.goto(host.url)
  const { values, starts, reasons, steps } = await runOnEach(page, numpy(2), SUM)
  await host.stop()
  expect(values).toEqual([6, 6])
  expect(starts).toEqual(['files', 'files'])
  expect(reasons).toEqual([expect.stringMatching(/^files: `image of Python` was changed on its way/)])
  expect(steps[0]).toBe('ImageUnavailable')
})

test('a file that is no image is refused, and the page goes on without it', async ({ page }) => {
  const host = await exportWith(() => gzipSync(Buffer.from('\u0002\0\0\0{}')), true)
  await page.goto(host.url)
  const { values, starts, reasons } = await runOnEach(page, numpy(1), SUM)
  await host.stop()
  expect(values).toEqual([6])
  expect(starts).toEqual(['files'])
  expect(reasons).toHaveLength(1)
})

/** Puts a module that is no side module in the place of the first one. */
function withForeignLibrary(compressed: Buffer): Buffer {
  const image = gunzipSync(compressed)
  const parts = 4 + image.readUint32LE(0)
  const index = JSON.parse(image.subarray(4, parts).toString()) as { libraries: { bytes: number }[] }
  const [library] = index.libraries
  if (!library) throw new Error('the image has no side module')
  const rest = image.subarray(parts + library.bytes)
  const foreign = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
  library.bytes = foreign.length
  const json = Buffer.from(JSON.stringify(index))
  const size = Buffer.alloc(4)
  size.writeUint32LE(json.length)
  return gzipSync(Buffer.concat([size, json, foreign, rest]))
}

test('workers that an image fails get the packages that the page has not fetched, and boot from files', async ({ page }) => {
  const host = await exportWith(withForeignLibrary, true)
  await page.goto(host.url)
  const { values, starts, reasons } = await runOnEach(page, numpy(2), SUM)
  const wheels = filesOf(host).filter((name) => name.endsWith('.whl'))
  await host.stop()
  expect(values).toEqual([6, 6])
  expect(starts.filter((from) => from === 'files')).toHaveLength(2)
  expect(reasons.some((reason) => reason.startsWith('files: '))).toBe(true)
  // By the workers that the image failed, and by nobody before.
  expect(wheels.length).toBeGreaterThan(0)
})

/** A server of its own, until the test ends. */
async function serve(...args: string[]): Promise<{ url: string; stop: () => Promise<void> }> {
  const server: ChildProcess = spawn(
    process.env['MILLHAND_BIN'] ?? 'millhand',
    ['serve', join(scratch, 'site'), '--port', '0', ...sources, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const url = await listeningUrl(server.stdout as NodeJS.ReadableStream)
  return {
    url,
    stop: async () => {
      server.kill('SIGTERM')
      if (server.exitCode === null) await once(server, 'exit')
    },
  }
}

async function imageAt(page: Page, url: string): Promise<string | null> {
  const answer = await page.request.post(`${url}millhand/manifest`, { data: { pyodide: { modules: ['numpy'] } } })
  const { pyodide } = (await answer.json()) as { pyodide: { image?: { sha256: string } } }
  return pyodide.image?.sha256 ?? null
}

test('a server has an image made when a page asks for its environment first, and one that starts later has it', async ({ page }) => {
  await rm(join(scratch, 'cache/v1/records/images'), { recursive: true })
  const server = await serve('--images')
  expect(await imageAt(page, server.url)).toBeNull()
  await expect.poll(() => imageAt(page, server.url), { timeout: 120_000 }).not.toBeNull()
  await page.goto(server.url)
  expect(await runOnEach(page, numpy(2), SUM)).toEqual({ values: [6, 6], starts: ['image', 'image'], ...NO_IMAGES })
  const made = await imageAt(page, server.url)
  await page.goto('about:blank')
  await server.stop()

  const later = await serve()
  expect(await imageAt(page, later.url)).toBe(made)
  await later.stop()
})

test('`millhand lock` has images made for the server', async ({ page }) => {
  await rm(join(scratch, 'cache/v1/records/images'), { recursive: true })
  await millhand('lock', join(scratch, 'site'), '--images', ...sources)
  const server = await serve()
  await page.goto(server.url)
  expect(await runOnEach(page, numpy(1), SUM)).toEqual({ values: [6], starts: ['image'], ...NO_IMAGES })
  await page.goto('about:blank')
  await server.stop()
})
