/** Remote workers as a user asks for them, and their check. */

import { checkOptions, parseCount } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import type { HostRemoteSettings } from '../host.js'
import { parsePythonSpecifier } from '../install/python-specifier.js'
import type { PythonRequest } from '../install/python.js'
import { MAX_TIMEOUT_MS, MAX_WORKERS } from './limits.js'

/** Workers on an engine's machines, behind the gateway of a millhand server. They serve the pool's queue beside the local ones. */
export interface RemoteInput {
  /** The server: `ws://127.0.0.1:8750`, or relative to the page. The gateway's path is added to one without a path. */
  url: string | URL
  /** The server's token. Who has it can run anything on the engine's machines. */
  token: string
  /** The most remote workers at a time. */
  stretchTo: number
  /**
   * When they start for tasks that any worker may run: `queued`, when there are as many local workers as there may be and tasks still
   * wait; `always`, whenever tasks wait. `queued` otherwise.
   */
  when?: 'queued' | 'always'
  /** Whether functions of JavaScript run there too, under Node; `true` otherwise. */
  javascript?: boolean
  /**
   * Requirements of pip for Python there, as in `torch==2.8.0`; none for the engine's Python as it is. The packages of
   * `install.pyodide` otherwise, in the versions that local workers have.
   */
  python?: string[]
  /** What each worker has of a machine: one CPU otherwise. */
  resources?: { cpus?: number; gpus?: number; memoryBytes?: number }
  /** Milliseconds after which a remote worker with nothing to do ends: 60,000 otherwise. */
  idleTimeout?: number
  /** Milliseconds that a remote worker may wait for a machine and boot without a sign of progress: 300,000 otherwise. */
  bootTimeout?: number
  /**
   * Milliseconds that tasks with `target: 'remote'` wait for an engine that is not there: 60,000 otherwise. Then they exit
   * `InstallFailed`, and others at once until it is back.
   */
  engineTimeout?: number
}

/** Checked. */
export interface RemotePlan {
  settings: HostRemoteSettings
  url: string
  token: string
  /** What the engine has to run; the first one has a process from the beginning. */
  runtimes: ('python' | 'javascript')[]
  /** Requirements, or the request that they are to be made of. */
  python: string[] | PythonRequest | null
  resources: { cpus?: number; gpus?: number; memoryBytes?: number }
}

const OPTIONS = [
  'url',
  'token',
  'stretchTo',
  'when',
  'javascript',
  'python',
  'resources',
  'idleTimeout',
  'bootTimeout',
  'engineTimeout',
]
const DEFAULT_IDLE_TIMEOUT_MS = 60_000
const DEFAULT_BOOT_TIMEOUT_MS = 300_000
const DEFAULT_ENGINE_TIMEOUT_MS = 60_000

/** @throws InvalidInputError that names the field and the value. */
export function parseRemote(input: RemoteInput, request: PythonRequest | null, baseUrl: string): RemotePlan {
  checkOptions('pool.remote', input, OPTIONS, "give one like `{ url: 'ws://127.0.0.1:8750', token, stretchTo: 8 }`")
  const { url, token, stretchTo, when = 'queued', javascript = true, python, resources = {} } = input
  if (when !== 'queued' && when !== 'always') {
    throw new InvalidInputError('pool.remote.when', when, 'is neither `queued` nor `always`')
  }
  if (typeof javascript !== 'boolean') throw new InvalidInputError('pool.remote.javascript', javascript, 'is not a boolean')
  if (request === null && !javascript) {
    const hint = 'make the pool with `install: { pyodide: [] }`, or leave `javascript` out'
    throw new InvalidInputError('pool.remote.javascript', javascript, 'leaves a pool without Python nothing to run there', hint)
  }
  const time = (name: 'idleTimeout' | 'bootTimeout' | 'engineTimeout', otherwise_ms: number): number =>
    input[name] === undefined ? otherwise_ms : parseCount(`pool.remote.${name}`, input[name], 1, MAX_TIMEOUT_MS)
  return {
    settings: {
      stretchTo: parseCount('pool.remote.stretchTo', stretchTo, 1, MAX_WORKERS),
      always: when === 'always',
      idleTimeoutMs: time('idleTimeout', DEFAULT_IDLE_TIMEOUT_MS),
      bootTimeoutMs: time('bootTimeout', DEFAULT_BOOT_TIMEOUT_MS),
      engineTimeoutMs: time('engineTimeout', DEFAULT_ENGINE_TIMEOUT_MS),
    },
    url: parseUrl(url, baseUrl),
    token: parseToken(token),
    runtimes: [...(request ? ['python' as const] : []), ...(javascript ? ['javascript' as const] : [])],
    python: python === undefined ? request : parseRequirements(python),
    resources: parseResources(resources),
  }
}

const GATEWAY_PATH = '/millhand/gateway'
const SCHEMES: Record<string, string> = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }

function parseUrl(input: unknown, baseUrl: string): string {
  const hint = "give the url of a millhand server: `ws://127.0.0.1:8750`, or `'/'` for the one that this page came from"
  const text = input instanceof URL ? input.href : input
  if (typeof text !== 'string' || !URL.canParse(text, baseUrl)) {
    throw new InvalidInputError('pool.remote.url', input, 'is not a url', hint)
  }
  const url = new URL(text, baseUrl)
  const scheme = SCHEMES[url.protocol]
  if (scheme === undefined) throw new InvalidInputError('pool.remote.url', input, 'is no url of a WebSocket', hint)
  if (url.username || url.password) {
    throw new InvalidInputError('pool.remote.url', url.host, 'has a user or a password', 'the secret is `pool.remote.token`')
  }
  const path = url.pathname === '/' ? GATEWAY_PATH : url.pathname
  return `${scheme}//${url.host}${path}${url.search}`
}

/** Its value is a secret: errors do not show it. */
function parseToken(token: unknown): string {
  if (typeof token === 'string' && /^[\w-]{22,128}$/.test(token)) return token
  const shown = typeof token === 'string' ? `${token.length} characters` : token
  const problem = 'is no token: that is 22 to 128 letters, digits, `-` and `_`'
  throw new InvalidInputError('pool.remote.token', shown, problem, 'the server says where its token is when it starts')
}

function parseRequirements(python: unknown): string[] {
  if (!Array.isArray(python)) throw new InvalidInputError('pool.remote.python', python, 'is not an array')
  return python.map((specifier: unknown, index) => parsePythonSpecifier(specifier, `pool.remote.python[${index}]`).text)
}

function parseResources(resources: RemotePlan['resources']): RemotePlan['resources'] {
  checkOptions('pool.remote.resources', resources, ['cpus', 'gpus', 'memoryBytes'])
  for (const [name, value] of Object.entries(resources)) {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
      throw new InvalidInputError(`pool.remote.resources.${name}`, value, 'is not a number from 0 on')
    }
  }
  return resources
}
