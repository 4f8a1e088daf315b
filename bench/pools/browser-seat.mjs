/** A real Chromium, and a page of its own for each subject. */

import { readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { servePages } from './pages.mjs'
import { mainThreadTimes } from './trace.mjs'

/** A workload that hangs its page is given up this long after its own limit. */
const GRACE_MS = 20_000

export class Browser {
  #browser
  #pages

  constructor(browser, pages) {
    this.#browser = browser
    this.#pages = pages
  }

  static async start(subjects) {
    const pages = await servePages(subjects)
    const browser = await chromium.launch({
      ...(process.env['CHROME'] ? { executablePath: process.env['CHROME'] } : {}),
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
    })
    return new Browser(browser, pages)
  }

  get version() {
    return `Chromium ${this.#browser.version()}`
  }

  /** A page with the subject in it. */
  async open({ folder }) {
    const page = await this.#browser.newPage()
    const seat = new BrowserSeat(page, this.#browser)
    await seat.prepare(new URL(`${folder}/`, this.#pages.url).href)
    return seat
  }

  async stop() {
    await this.#browser.close()
    await this.#pages.stop()
  }
}

class BrowserSeat {
  #page
  #browser
  #protocol
  #memoryBefore = 0

  constructor(page, browser) {
    this.#page = page
    this.#browser = browser
  }

  async prepare(url) {
    const failed = new Promise((_, reject) => this.#page.on('pageerror', reject))
    failed.catch(() => undefined)
    await this.#page.exposeFunction('beforeBurst', async () => void (this.#memoryBefore = await this.#memory()))
    await this.#page.exposeFunction('beginTrace', () => this.#browser.startTracing(this.#page, { categories: ['toplevel', 'blink.user_timing'] }))
    await this.#page.exposeFunction('endTrace', async () => mainThreadTimes(await this.#browser.stopTracing()))
    this.#protocol = await this.#page.context().newCDPSession(this.#page)
    await this.#page.goto(url)
    await Promise.race([this.#page.waitForFunction(() => 'runWorkload' in globalThis), failed])
  }

  /** The workload's values, or `{ failure }`. */
  async run(order) {
    const limitMs = (order.params.limitMs ?? 0) * 2 + GRACE_MS
    let timer
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ failure: `nothing was heard of it for ${limitMs / 1_000} s` }), limitMs)
    })
    const ended = this.#page.evaluate((order) => globalThis.runWorkload(order), order)
    const values = await Promise.race([ended, late]).catch((error) => ({ failure: error.message.split('\n')[0] }))
    clearTimeout(timer)
    ended.catch(() => undefined)
    if (!values.calls || values.stopped) return values
    const { calls, ...rest } = values
    return { ...rest, 'memory of a waiting task': ((await this.#memory()) - this.#memoryBefore) / calls }
  }

  async close() {
    await this.#page.context().close()
  }

  /** Bytes in use by the page and its workers. */
  async #memory() {
    await this.#protocol.send('HeapProfiler.collectGarbage')
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await this.#protocol.send('Runtime.getHeapUsage')
    if (process.env['BENCH_MEMORY']) console.error(usedSize, embedderHeapUsedSize, backingStorageSize, await rendererMemory(this.#browser))
    return usedSize + embedderHeapUsedSize + backingStorageSize
  }
}

async function rendererMemory(browser) {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  const sizes = []
  for (const { id, type } of processInfo) {
    if (type !== 'renderer') continue
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8')
    sizes.push(Number(/^Private_Dirty:\s+(\d+)/m.exec(text)[1]) * 1024)
  }
  await session.detach()
  return sizes
}
