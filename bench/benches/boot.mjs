/**
 * NumPy workers, from nothing to their first result: naive ones, each of which loads Pyodide and NumPy itself, against millhand's,
 * from files and from images, in a page that is cross-origin isolated and in one that is not, and from an image that was made ahead.
 * A first visit is a new browser profile; at a second visit everything has been loaded before, and the image is there.
 */

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { startServer } from '../server.mjs'

const SUBJECTS = [
  { name: 'naive', kind: 'naive', isolated: true },
  { name: 'millhand, files', kind: 'files', isolated: true },
  { name: 'millhand, image', kind: 'image', isolated: true },
  { name: 'millhand, image, not isolated', kind: 'image', isolated: false },
  { name: 'millhand, image made ahead', kind: 'image', isolated: true, isAhead: true },
]

export default async function boot({ quick, measure, versions = {} }) {
  const site = await mkdtemp(join(tmpdir(), 'millhand-boot-'))
  const overlay = process.env['MILLHAND_OVERLAY']
  const cache = process.env['MILLHAND_CACHE_DIR'] ?? join(homedir(), '.cache', 'millhand')
  const args = overlay ? ['--overlay', overlay] : []
  const scratch = await mkdtemp(join(tmpdir(), 'millhand-boot-caches-'))
  const serverWith = async (name) => {
    const lockfile = join(site, 'millhand.lock')
    const own = await cacheWithoutImages(cache, join(scratch, name))
    if (name === 'ahead') await makeImages({ cache: own, site, lockfile, args })
    return startServer({ cache: own, site, lockfile, args })
  }
  const server = await serverWith('usual')
  const browser = await chromium.launch({
    ...(process.env['CHROME'] ? { executablePath: process.env['CHROME'] } : {}),
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
  })
  versions.browser = `Chromium ${browser.version()}`
  let ahead
  try {
    await cp(fileURLToPath(new URL('../boot', import.meta.url)), site, { recursive: true })
    await writeDistribution(server.url, join(site, 'distribution'))
    // What was asked for is in the lockfile now.
    ahead = await serverWith('ahead')
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const workers of [1, 4]) {
        for (const subject of SUBJECTS) {
          const { url } = subject.isAhead ? ahead : server
          await measureVisits({ browser, url, subject, workers, measure })
        }
      }
    }
  } finally {
    await browser.close()
    await server.stop()
    await ahead?.stop()
    await rm(scratch, { recursive: true, force: true })
    await rm(site, { recursive: true, force: true })
  }
}

/** Has the server's program make the images of what is locked. */
async function makeImages({ cache, site, lockfile, args }) {
  const options = ['--cache-dir', cache, '--lockfile', lockfile, ...args]
  await promisify(execFile)(process.env['MILLHAND_BIN'], ['lock', site, '--images', ...options])
}

/** A cache in `folder` with the files of another, and all that it knows but images. */
async function cacheWithoutImages(cache, folder) {
  const [from, to] = [join(cache, 'v1'), join(folder, 'v1')]
  for (const made of [join(from, 'files'), join(from, 'records'), to]) await mkdir(made, { recursive: true })
  await symlink(join(from, 'files'), join(to, 'files'))
  await cp(join(from, 'records'), join(to, 'records'), { recursive: true })
  await rm(join(to, 'records', 'images'), { recursive: true, force: true })
  return folder
}

/** The same files as millhand's workers have, laid out as Pyodide's own distribution is. */
async function writeDistribution(server, folder) {
  const manifestUrl = new URL('millhand/manifest', server)
  const answer = await fetch(manifestUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pyodide: { modules: ['numpy'] } }),
  })
  const { pyodide, error } = await answer.json()
  if (error) throw new Error(error.message)
  await mkdir(folder)
  await writeFile(join(folder, 'pyodide-lock.json'), JSON.stringify(pyodide.lock))
  for (const { name, url } of pyodide.files) {
    const file = await fetch(new URL(url, manifestUrl))
    await writeFile(join(folder, name), new Uint8Array(await file.arrayBuffer()))
  }
}

async function measureVisits({ browser, url, subject, workers, measure }) {
  const context = await browser.newContext()
  try {
    if (!subject.isolated) await context.route(url, withoutIsolation)
    const page = await context.newPage()
    await visit(page, url, subject)
    measure(`${workers} at the first visit`, subject.name, 'ms', await grow(page, workers))
    // What is made beside the first workers is made.
    if (subject.kind === 'image') await page.evaluate(() => globalThis.imageKept())
    await page.evaluate(() => globalThis.pool.end())
    await visit(page, url, subject)
    measure(`${workers} at the second visit`, subject.name, 'ms', await grow(page, workers))
    if (workers === 1) await measureFurther({ browser, page, subject, measure })
  } finally {
    await context.close()
  }
}

/** One after the other; and what they take together. */
async function measureFurther({ browser, page, subject, measure }) {
  const before = await memoryOfPages(browser)
  for (let count = 2; count <= 4; count++) measure('each further one', subject.name, 'ms', await grow(page, count))
  if (before !== null) measure('memory of each further one', subject.name, 'MB', ((await memoryOfPages(browser)) - before) / 3 / 1e6)
}

async function visit(page, url, { kind, isolated }) {
  await page.goto(url)
  await page.waitForFunction(() => 'boot' in globalThis)
  await page.evaluate((kind) => void globalThis.boot(kind), kind)
  if ((await page.evaluate(() => crossOriginIsolated)) !== isolated) throw new Error('the page is not isolated as it should be')
}

const grow = (page, count) => page.evaluate((count) => globalThis.pool.grow(count), count)

async function withoutIsolation(route) {
  const response = await route.fetch()
  const { 'cross-origin-embedder-policy': _, ...headers } = response.headers()
  await route.fulfill({ response, headers })
}

/** Bytes that the processes of pages have to themselves, or share among each other; `null` where the system does not tell. */
async function memoryOfPages(browser) {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  let sum = 0
  for (const { id, type } of processInfo) {
    if (type !== 'renderer') continue
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => null)
    if (text === null) return null
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)[1]) * 1024
  }
  return sum
}
