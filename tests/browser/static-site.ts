/**
 * A static host, as exported pages have one: the package, a prebuilt manifest beside it, and packages as ES modules. It counts
 * what it is asked for.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { test as base } from './fixtures.js'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** A module of a made-up package, besides the real ones. */
export interface MadeModule {
  specifier: string
  source: string
  version?: string
  subpath?: string
  defaultOnly?: boolean
}

export class StaticSite {
  /** `GET /path`, one for each request, in order. */
  readonly requests: string[] = []
  readonly #files = new Map<string, { body: Buffer; isImmutable: boolean }>()
  readonly #server = createServer((request, response) => this.#answer(request, response))
  /** The Content-Security-Policy of every answer. */
  policy: string | undefined
  /** The folder of the package. */
  readonly packageFolder: string

  private constructor(packageFolder: string) {
    this.packageFolder = packageFolder
  }

  /** @param packageFolder where the package is. */
  static async start(packageFolder = '/lib/'): Promise<StaticSite> {
    const site = new StaticSite(packageFolder)
    const importMap = { imports: { millhand: `${packageFolder}index.js`, support: '/support.js' } }
    const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
      <script type="importmap">${JSON.stringify(importMap)}</script><p class="styled">text</p>`
    site.put('/', html)
    site.put('/support.js', await readFile(here('pages/support.js')))
    const folder = here('../../js/dist/standalone/')
    for (const name of await readdir(folder)) site.put(packageFolder + name, await readFile(folder + name))
    site.#server.listen(0, '127.0.0.1')
    await once(site.#server, 'listening')
    return site
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** Serves a file; one that is immutable stays in the browser's cache. */
  put(path: string, body: string | Buffer, isImmutable = false): { url: string; sha256: string; bytes: number } {
    const content = Buffer.from(body)
    this.#files.set(path, { body: content, isImmutable })
    return { url: path, sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length }
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.requests.filter((request) => request.endsWith(` ${path}`)).length
  }

  /** The environments of the prebuilt manifest. */
  prebuild(environments: { request: object; manifest: object }[]): void {
    this.put(`${this.packageFolder}manifest.json`, JSON.stringify({ environments }))
  }

  /** The manifest's part for rxjs, as npm has it: its ES modules in one file, and tslib in another. */
  async rxjs(): Promise<object> {
    const [rxjs, tslib] = [await bundle('rxjs'), await bundle('tslib')]
    const files = [
      { name: 'rxjs@7.8.2/entry.js', ...this.put('/npm/a1/rxjs@7.8.2/entry.js', rxjs, true) },
      { name: 'tslib@2.8.1/entry.js', ...this.put('/npm/b2/tslib@2.8.1/entry.js', tslib, true) },
    ]
    const module = { specifier: 'rxjs#^7.8.1', name: 'rxjs', version: '7.8.2', subpath: null, alias: null }
    return {
      modules: [{ ...module, url: '../npm/a1/rxjs@7.8.2/entry.js', defaultOnly: false }],
      scripts: [],
      files,
      graph: { 'rxjs@7.8.2': ['tslib@2.8.1'], 'tslib@2.8.1': [] },
    }
  }

  /** The manifest's part for made-up modules. */
  made(modules: MadeModule[], scripts: { specifier: string; source: string }[] = []): object {
    const entries = modules.map(({ specifier, source, version = '1.0.0', subpath = null, defaultOnly = false }) => {
      const name = /^(@[^/]+\/)?[^/#]+/.exec(specifier)?.[0] ?? ''
      const path = `${name}@${version}/${subpath === null ? 'entry.js' : `entry/${subpath}.js`}`
      const file = { name: path, ...this.put(`/npm/${path}`, source, true) }
      return { file, entry: { specifier, name, version, subpath, alias: null, url: file.url, defaultOnly } }
    })
    return {
      modules: entries.map(({ entry }) => entry),
      scripts: scripts.map(({ specifier, source }) => {
        const file = this.put(`/npm/raw/${specifier.replace(/^.*~/, '')}`, source, true)
        return { specifier, name: specifier.replace(/[#~].*$/, ''), version: '1.0.0', alias: null, ...file }
      }),
      files: entries.map(({ file }) => file),
      graph: Object.fromEntries(entries.map(({ entry }) => [`${entry.name}@${entry.version}`, []])),
    }
  }

  /** The manifest's entry for a stylesheet. */
  styleSheet(specifier: string, source: string): object {
    const file = this.put(`/npm/raw/${specifier.replace(/^.*~/, '')}`, source, true)
    return { specifier, name: specifier.replace(/[#~].*$/, ''), version: '1.0.0', files: [], ...file }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url ?? '/')
    this.requests.push(`${request.method} ${path}`)
    const file = request.method === 'GET' ? this.#files.get(path) : undefined
    if (!file) return void response.writeHead(404).end('there is nothing here')
    response.writeHead(200, {
      'content-type': contentType(path),
      'content-length': file.body.length,
      'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      'access-control-allow-origin': '*',
      ...(this.policy === undefined ? {} : { 'content-security-policy': this.policy }),
    })
    response.end(file.body)
  }
}

/** A page of a static site. */
export const test = base.extend<{ site: StaticSite }>({
  site: async ({ page }, use) => {
    const site = await StaticSite.start()
    await page.goto(site.url)
    site.requests.length = 0
    await use(site)
    await page.goto('about:blank')
    await site.stop()
  },
})

/** A package's own modules in one file; those of tslib stay imports of a url. */
async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${name}'`, resolveDir: here('.') },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    plugins: [
      {
        name: 'other packages by their urls',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^tslib$/ }, ({ importer }) =>
            importer === '<stdin>' ? null : { path: '../../b2/tslib@2.8.1/entry.js', external: true },
          ),
      },
    ],
  })
  return outputFiles[0]?.text ?? ''
}

function contentType(path: string): string {
  if (/\.m?js$|^\/esm\//.test(path)) return 'text/javascript'
  if (path.endsWith('.wasm')) return 'application/wasm'
  if (path.endsWith('.css')) return 'text/css'
  if (path.endsWith('.json')) return 'application/json'
  return path.endsWith('/') ? 'text/html' : 'application/octet-stream'
}
