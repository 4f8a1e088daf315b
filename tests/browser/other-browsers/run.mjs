/**
 * Runs the scenarios in browsers that Playwright does not drive as they are released: `node run.mjs [firefox|webkit]… [-g WORDS]`,
 * both otherwise. `MILLHAND_BIN` is the `millhand` program, `MILLHAND_OVERLAY` a folder with wheels, as for the other tests.
 * A browser is taken from `FIREFOX` or `WEBKIT_DRIVER`, else from the PATH. The exit code is 0 if nothing failed.
 */

import { fileURLToPath } from 'node:url'
import * as firefox from './firefox.mjs'
import { findProgram, Program, stopAll, within } from './processes.mjs'
import * as webkit from './webkit.mjs'

const BROWSERS = { firefox, webkit }
const LAUNCH_MS = 60_000
const SCENARIO_MS = 120_000

async function main(args) {
  try {
    const { wanted, words } = parseArguments(args)
    const launches = wanted.map(launchOf)
    const page = new URL('other-browsers/page.html', await startServer())
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const launch of launches) await runBrowser(launch, page, words, counts)
    console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
    process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await stopAll()
  }
}

function parseArguments(args) {
  const flag = args.indexOf('-g')
  const [, words = ''] = flag < 0 ? [] : args.splice(flag, 2)
  const unknown = args.find((name) => !Object.hasOwn(BROWSERS, name))
  if (unknown !== undefined) throw new Error(`\`${unknown}\` is no browser here: give ${Object.keys(BROWSERS).join(' or ')}`)
  return { wanted: args.length > 0 ? args : Object.keys(BROWSERS), words }
}

/** How to start a browser. */
function launchOf(name) {
  const { VARIABLE, NAMES, launch } = BROWSERS[name]
  const path = findProgram(VARIABLE, NAMES)
  if (path) return () => within(LAUNCH_MS, `${name} did not start`, launch(path))
  throw new Error(`${name}: there is no \`${NAMES.join('` or `')}\` on the PATH: install it, or set ${VARIABLE}`)
}

/** The url of the folder of all browser tests: the page is ours, and its helpers are those of the other tests. */
async function startServer() {
  const binary = process.env.MILLHAND_BIN
  if (!binary) throw new Error('MILLHAND_BIN is not set: give the path of the `millhand` program')
  const overlay = process.env.MILLHAND_OVERLAY
  const folder = fileURLToPath(new URL('..', import.meta.url))
  const args = ['serve', folder, '--port', '0', '--offline', ...(overlay ? ['--overlay', overlay] : [])]
  const server = new Program(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return server.match(1, /^listening on (\S+)$/)
}

async function runBrowser(launch, page, words, counts) {
  const session = new Session(launch)
  const names = await session.ask(page, 'names')
  if (names.failure) throw new Error(`the page does not load: ${names.failure}`)
  console.log(await session.version())
  for (const scenario of names.filter((scenario) => scenario.includes(words))) {
    const outcome = await session.ask(page, 'run', scenario).catch((error) => ({ failure: error.message }))
    show(scenario, outcome, counts)
    // What it may have left behind is not to touch the next one.
    if (outcome.failure) await session.close()
  }
  await session.close()
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

  async version() {
    this.#browser ??= await this.#launch()
    return this.#browser.version
  }

  /** What a function of the page, freshly loaded, gives. */
  async ask(page, name, argument) {
    this.#browser ??= await this.#launch()
    const browser = this.#browser
    try {
      const answered = browser.open(page.href).then(() => browser.call(name, argument))
      return JSON.parse(await within(SCENARIO_MS, 'no outcome', answered))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close() {
    const programs = this.#browser?.programs ?? []
    this.#browser = null
    for (const program of programs) await program.stop()
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void stopAll().finally(() => process.exit(1)))
}

await main(process.argv.slice(2))
