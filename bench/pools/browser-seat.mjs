/** A real Chromium, and a page of its own for each subject. */

import { readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { servePages } from './pages.mjs'
import { mainThreadTimes } from './trace.mjs'

/** A workload that hangs its page is given up this long after its own limit. */
const GRACE_MS = 10_000
/** Of fewer calls, the memory of each cannot be told. */
const LEAST_CALLS = 10_000

export class Browser {
  #browser
  #pages

  constructor(browser, pages) {
    this.#browser = browser
    this.#pages = pages
  }

  static async start(subjects) {
    const pages = await servePages(subjects)
    try {
      const browser = await chromium.launch({
        ...(process.env['CHROME'] ? { executablePath: process.env['CHROME'] } : {}),
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
      })
      return new Browser(browser, pages)
    } catch (error) {
      await pages.stop()
      throw error
    }
  }

  get version() {
    return `Chromium ${this.#browser.version()}`
  }

  /** A page with the subject in it. */
  async open({ folder }) {
    const page = await this.#browser.newPage()
    const seat = new BrowserSeat(page, this.#browser)
    try {
      await seat.prepare(new URL(`${folder}/`, this.#pages.url).href)
      return seat
    } catch (error) {
      await seat.close()
      throw error
    }
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
  #memoryBefore = new Map()

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
    const { calls = 0, ...rest } = values
    if (calls < LEAST_CALLS) return rest
    return { ...rest, 'memory of a waiting task': growth(this.#memoryBefore, await this.#memory()) / calls }
  }

  async close() {
    await this.#page.context().close()
  }

  /** Private bytes of each process with pages in it, once the garbage is collected. */
  async #memory() {
    await this.#protocol.send('HeapProfiler.collectGarbage')
    const session = await this.#browser.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    await session.detach()
    const renderers = processInfo.filter(({ type }) => type === 'renderer')
    return new Map(await Promise.all(renderers.map(async ({ id }) => [id, await privateBytes(id)])))
  }
}

/** The page is in the process that grew. */
function growth(before, after) {
  return Math.max(...[...after].map(([id, bytes]) => bytes - (before.get(id) ?? bytes)))
}

/** Of Linux alone; `NaN` elsewhere, and if the process is gone. */
async function privateBytes(id) {
  const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1]) * 1_024
}
