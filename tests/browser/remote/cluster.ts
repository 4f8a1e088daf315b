/** A Ray of a head without processors and of nodes that can be added and killed, and millhand servers that join it. */

import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listeningUrl } from '../server.js'
import { millhand, PAGES, python } from './places.js'
import { descendantsRunning, killTree, start } from './processes.js'

/** A killed node is noticed soon, and one on a machine that has much to do is not taken for dead. */
const HEALTH = {
  RAY_health_check_initial_delay_ms: '1000',
  RAY_health_check_period_ms: '1000',
  RAY_health_check_timeout_ms: '5000',
  RAY_health_check_failure_threshold: '3',
}
const UP_WITHIN_MS = 60_000

export class Cluster {
  readonly folder: string
  readonly port: number
  readonly environment: NodeJS.ProcessEnv
  readonly #nodes: ChildProcess[] = []

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
    const token = randomBytes(24).toString('base64url')
    this.environment = { ...process.env, ...HEALTH, RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: token, RAY_USAGE_STATS_ENABLED: '0' }
  }

  static async start(): Promise<Cluster> {
    // Ray's sockets are in it: their paths must be short.
    const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'mh-')), await freePort())
    cluster.#start('--head', `--port=${cluster.port}`, '--num-cpus=0', '--include-dashboard=false')
    await listens(cluster.port)
    return cluster
  }

  /** One that has joined: two that start at once get into each other's way. */
  async addNode(cpus: number): Promise<ChildProcess> {
    const node = this.#start(`--address=127.0.0.1:${this.port}`, `--num-cpus=${cpus}`)
    await says(this.#logOf(this.#nodes.length - 1), 'Ray runtime started')
    return node
  }

  /** As if its machine lost its power. */
  async killNode(node: ChildProcess): Promise<void> {
    await killTree(node)
  }

  async end(): Promise<void> {
    for (const node of this.#nodes.toReversed()) await killTree(node)
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #start(...options: string[]): ChildProcess {
    const common = ['--block', '--disable-usage-stats', '--node-ip-address=127.0.0.1', '--object-store-memory=100000000']
    const command = [python(), '-m', 'ray.scripts.scripts', 'start', ...common, `--temp-dir=${this.folder}`, ...options]
    const node = start(command, this.environment, this.#logOf(this.#nodes.length))
    this.#nodes.push(node)
    return node
  }

  #logOf(node: number): string {
    return join(this.folder, `node-${node}.log`)
  }
}

/** `millhand serve` of the tests' pages, with an engine. */
export class Server {
  readonly token: string
  readonly port: number
  readonly #site: string
  readonly #command: string[]
  readonly #environment: NodeJS.ProcessEnv
  /** What it writes. */
  readonly log: string
  #process: ChildProcess | null = null

  private constructor(cluster: Cluster, site: string, port: number) {
    this.token = randomBytes(24).toString('base64url')
    this.port = port
    this.#site = site
    const overlay = process.env['MILLHAND_OVERLAY']
    const sources = ['--offline', '--lockfile', join(site, 'millhand.lock'), ...(overlay ? ['--overlay', overlay] : [])]
    const engine = ['--engine', `ray://127.0.0.1:${cluster.port}`, '--python', python()]
    this.#command = [millhand(), '-v', 'serve', site, '--port', String(port), ...sources, ...engine]
    this.#environment = { ...cluster.environment, MILLHAND_TOKEN: this.token }
    this.log = join(cluster.folder, 'server.log')
  }

  static async start(cluster: Cluster): Promise<Server> {
    const site = await mkdtemp(join(tmpdir(), 'millhand-remote-'))
    await cp(PAGES, site, { recursive: true })
    const server = new Server(cluster, site, await freePort())
    await server.restart()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  /** After a `kill`, on the same port. */
  async restart(): Promise<void> {
    this.#process = start(this.#command, this.#environment, this.log, 'pipe')
    if (this.#process.stdout) await listeningUrl(this.#process.stdout)
  }

  async kill(): Promise<void> {
    if (this.#process) await killTree(this.#process)
  }

  /** The process that drives Ray. */
  bridge(): number {
    const [bridge] = descendantsRunning(this.#process?.pid ?? 0, 'millhand_ray')
    if (bridge === undefined) throw new Error('the server has no bridge')
    return bridge
  }

  async end(): Promise<void> {
    await this.kill()
    await rm(this.#site, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Reads again and again until a text is there. */
async function says(log: string, text: string): Promise<void> {
  const deadline = Date.now() + UP_WITHIN_MS
  while (!(await readFile(log, 'utf8')).includes(text)) {
    if (Date.now() > deadline) throw new Error(`a node of Ray did not start: ${await readFile(log, 'utf8')}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Tries until something answers. */
async function listens(port: number): Promise<void> {
  const deadline = Date.now() + UP_WITHIN_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    } finally {
      socket.destroy()
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
