/**
 * Runs the scenarios in browsers that Playwright does not drive as they are released: `node run.mjs [firefox|webkit]… [-g WORDS]`,
 * both otherwise. `MILLHAND_BIN` is the `millhand` program, `MILLHAND_OVERLAY` a folder with wheels, as for the other tests.
 * A browser is taken from `FIREFOX` or `WEBKIT_DRIVER`, else from the PATH. The exit code is 0 if nothing failed.
 */

import { fileURLToPath } from 'node:url'
import * as firefox from './firefox.mjs'
import { findProgram, Program, within } from './processes.mjs'
import * as webkit from './webkit.mjs'

const BROWSERS = { firefox, webkit }
const LAUNCH_MS = 60_000
const SCENARIO_MS = 120_000

/** What has to be ended, in whatever way this ends. */
const open = new Set()

async function main(args) {
  try {
    const { wanted, words } = parseArguments(args)
    const server = await startServer()
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const name of wanted) await runBrowser(name, new URL('other-browsers/page.html', server), words, counts)
    console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
    process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await closeAll()
  }
}

function parseArguments(args) {
  const flag = args.indexOf('-g')
  const [, words = ''] = flag < 0 ? [] : args.splice(flag, 2)
  const unknown = args.find((name) => !Object.hasOwn(BROWSERS, name))
  if (unknown !== undefined) throw new Error(`\`${unknown}\` is no browser here: give ${Object.keys(BROWSERS).join(' or ')}`)
  return { wanted: args.length > 0 ? args : Object.keys(BROWSERS), words }
}

/** The url of the folder of all browser tests: the page is ours, and its helpers are those of the other tests. */
async function startServer() {
  const binary = process.env.MILLHAND_BIN
  if (!binary) throw new Error('MILLHAND_BIN is not set: give the path of the `millhand` program')
  const overlay = process.env.MILLHAND_OVERLAY
  const folder = fileURLToPath(new URL('..', import.meta.url))
  const args = ['serve', folder, '--port', '0', '--offline', ...(overlay ? ['--overlay', overlay] : [])]
  const server = new Program(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  open.add(() => server.stop())
  return server.match(1, /^listening on (\S+)$/)
}

async function runBrowser(name, page, words, counts) {
  const { VARIABLE, NAMES, launch } = BROWSERS[name]
  const path = findProgram(VARIABLE, NAMES)
  if (!path) {
    console.error(`${name}: no \`${NAMES.join('` or `')}\` on the PATH: install it, or set ${VARIABLE}`)
    counts.failed += 1
    return
  }
  const session = new Session(() => within(LAUNCH_MS, `${name} did not start`, launch(path)))
  try {
    const names = await session.ask(page, 'names')
    console.log(`${(await session.browser()).version}`)
    for (const scenario of names.filter((scenario) => scenario.includes(words))) {
      const outcome = await session.ask(page, 'run', scenario).catch((error) => ({ failure: error.message }))
      show(scenario, outcome, counts)
      // What it may have left behind is not to touch the next one.
      if (outcome.failure) await session.close()
    }
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    counts.failed += 1
  } finally {
    await session.close()
  }
}

function show(scenario, { failure, skipped, ms }, counts) {
  const [outcome, count] = failure ? [`FAILED: ${failure}`, 'failed'] : skipped ? [`skipped: ${skipped}`, 'skipped'] : ['ok', 'passed']
  counts[count] += 1
  console.log(`  ${scenario}: ${outcome}${ms === undefined ? '' : ` (${ms} ms)`}`)
}

/** A browser, started when it is needed: one that did not answer is not asked again. */
class Session {
  #launch
  #browser = null

  constructor(launch) {
    this.#launch = launch
  }

  async browser() {
    if (this.#browser) return this.#browser
    this.#browser = await this.#launch()
    open.add(this.#browser.close)
    return this.#browser
  }

  /** What a function of the page, freshly loaded, gives. */
  async ask(page, name, argument) {
    const browser = await this.browser()
    try {
      const loaded = browser.open(page.href).then(() => browser.call(name, argument))
      return JSON.parse(await within(SCENARIO_MS, 'no outcome', loaded))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close() {
    const browser = this.#browser
    if (!browser) return
    this.#browser = null
    open.delete(browser.close)
    await browser.close()
  }
}

async function closeAll() {
  const closing = [...open].reverse()
  open.clear()
  for (const close of closing) await close()
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void closeAll().finally(() => process.exit(1)))
}

await main(process.argv.slice(2))
