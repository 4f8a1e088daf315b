/** WebKitGTK, through WebDriver: its driver starts a MiniBrowser, which needs a display. */

import { createServer } from 'node:net'
import { once } from 'node:events'
import { request } from 'node:http'
import { findProgram, Program } from './processes.mjs'

export const VARIABLE = 'WEBKIT_DRIVER'
export const NAMES = ['WebKitWebDriver']

/** The runner has deadlines; the driver's own are not to come before them. */
const SCRIPT_TIMEOUT_MS = 3_600_000
/** Tries whether the driver listens, and the time between two: it does not say when it does. */
const MAX_TRIES = 1_000
const RETRY_MS = 20

export async function launch(path) {
  const xvfb = process.env.DISPLAY ? null : startDisplay()
  const env = xvfb ? { ...process.env, DISPLAY: `:${await xvfb.match(1, /^(\d+)$/)}` } : process.env
  const port = await freePort()
  const driver = new Program(path, [`--port=${port}`], { stdio: ['ignore', 'ignore', 'ignore'], env })
  await driver.whileAlive(listening(port))
  const capabilities = { alwaysMatch: { timeouts: { script: SCRIPT_TIMEOUT_MS } } }
  const session = await driver.whileAlive(command(port, '/session', { capabilities }))
  return new WebKit(port, session, xvfb ? [driver, xvfb] : [driver])
}

class WebKit {
  #port
  #session

  constructor(port, { sessionId, capabilities }, programs) {
    this.version = `WebKitGTK ${capabilities.browserVersion}`
    this.programs = programs
    this.#port = port
    this.#session = `/session/${sessionId}`
  }

  async open(url) {
    await command(this.#port, `${this.#session}/url`, { url })
  }

  /** Calls a function of the page's global scope with a text, and resolves with the text that its promise gives. */
  call(name, argument = '') {
    const script = 'const [name, argument, done] = arguments; window[name](argument).then(done)'
    return command(this.#port, `${this.#session}/execute/async`, { script, args: [name, argument] })
  }
}

/** A display of its own, where there is none. It says its number. */
function startDisplay() {
  const path = findProgram('XVFB', ['Xvfb'])
  if (!path) throw new Error('webkit: there is no display: set DISPLAY, or put `Xvfb` on the PATH')
  return new Program(path, ['-displayfd', '1', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await command(port, '/status')
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || attempt === MAX_TRIES) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
  }
}

/** A WebDriver command: a POST if it has a body. `fetch` would give up on an answer that takes minutes. */
async function command(port, path, body) {
  const sent = request({ host: '127.0.0.1', port, path, method: body ? 'POST' : 'GET' })
  sent.end(body && JSON.stringify(body))
  const [response] = await once(sent, 'response')
  const { value } = JSON.parse((await response.setEncoding('utf8').toArray()).join(''))
  if (response.statusCode === 200) return value
  throw new Error(`${value.error}: ${value.message}`)
}
