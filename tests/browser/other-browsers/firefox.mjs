/** Firefox, headless, through WebDriver BiDi: a WebSocket to the browser itself, without a driver between. */

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import WebSocket from 'ws'
import { Program } from './processes.mjs'

export const VARIABLE = 'FIREFOX'
export const NAMES = ['firefox', 'firefox-esr']

export async function launch(path) {
  const profile = await mkdtemp(join(tmpdir(), 'millhand-firefox-'))
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank']
  const program = new Program(path, args, { stdio: ['ignore', 'ignore', 'pipe'], scratch: profile })
  const url = await program.match(2, /^WebDriver BiDi listening on (ws:\S+)/)
  const connection = await Connection.open(`${url}/session`)
  const { capabilities } = await connection.send('session.new', { capabilities: {} })
  const { context } = await connection.send('browsingContext.create', { type: 'tab' })
  return new Firefox(capabilities.browserVersion, connection, context, [program])
}

class Firefox {
  #connection
  #context

  constructor(version, connection, context, programs) {
    this.version = `Firefox ${version}`
    this.programs = programs
    this.#connection = connection
    this.#context = context
  }

  async open(url) {
    await this.#connection.send('browsingContext.navigate', { context: this.#context, url, wait: 'complete' })
  }

  /** Calls a function of the page's global scope with a text, and resolves with the text that its promise gives. */
  async call(name, argument = '') {
    const answer = await this.#connection.send('script.callFunction', {
      functionDeclaration: '(name, argument) => globalThis[name](argument)',
      arguments: [name, argument].map((value) => ({ type: 'string', value })),
      target: { context: this.#context },
      awaitPromise: true,
    })
    if (answer.type === 'success') return answer.result.value
    throw new Error(answer.exceptionDetails.text)
  }
}

/** Commands and their answers, by id. */
class Connection {
  #socket
  #lastId = 0
  #waiting = new Map()

  static async open(url) {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await once(socket, 'open')
    return new Connection(socket)
  }

  constructor(socket) {
    this.#socket = socket
    socket.on('message', (text) => this.#receive(JSON.parse(text)))
    socket.on('close', () => this.#fail(new Error('the browser closed the connection')))
    socket.on('error', (error) => this.#fail(error))
  }

  send(method, params) {
    const id = (this.#lastId += 1)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }

  #receive({ type, id, result, error, message }) {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    this.#waiting.delete(id)
    if (type === 'success') waiting.resolve(result)
    else waiting.reject(new Error(`${error}: ${message}`))
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
