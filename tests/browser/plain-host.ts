/** A host that knows nothing but files and their types, as exported pages have one. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}

export class PlainHost {
  /** `404 GET /path`, one for each request. */
  readonly answers: string[] = []
  readonly #folder: string
  url = ''
  /** The path under which the folder is served. */
  readonly #base: string
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  private constructor(folder: string, base: string) {
    this.#folder = folder
    this.#base = base
  }

  static async start(folder: string, base = '/'): Promise<PlainHost> {
    const host = new PlainHost(folder, base)
    host.#server.listen(0, '127.0.0.1')
    await once(host.#server, 'listening')
    host.url = `http://127.0.0.1:${(host.#server.address() as AddressInfo).port}${base}`
    return host
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url)
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname
    const isOurs = request.method === 'GET' && path.startsWith(this.#base)
    const file = join(this.#folder, decodeURIComponent(path.slice(this.#base.length)))
    const content = isOurs ? await readFile(file).catch(() => undefined) : undefined
    const status = content ? 200 : 404
    this.answers.push(`${status} ${request.method} ${pathname}`)
    response.writeHead(status, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' })
    response.end(content)
  }
}
