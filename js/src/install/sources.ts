/** Who is asked for a manifest: the millhand server of the page, a prebuilt manifest, public CDNs. */

import { InstallError, InvalidInputError } from '../common/errors.js'
import { checkOptions } from '../common/checks.js'
import { fetchJson, ForeignAnswer } from './fetch.js'
import type { Manifest } from './manifest.js'
import { parseManifest } from './manifest.js'
import type { CdnSettings } from './public-cdns.js'
import { manifestOfCdns, PUBLIC_CDNS } from './public-cdns.js'
import type { ImageUse } from './python.js'
import type { ManifestRequest } from './request.js'

/** What `configureInstall` takes; all optional. */
export interface InstallSettings extends Partial<CdnSettings> {
  /**
   * The only place that is asked: the url of a prebuilt manifest (it ends with `.json`) or of a millhand server's manifests.
   * `null`: public CDNs alone.
   */
  manifestUrl?: string | URL | null
  /** In pages, for pools that do not say it themselves: see `install.pyodide.image`. */
  image?: ImageUse
  /** In Node: where packages are looked for: a folder, or the `import.meta.url` of a module in it. Otherwise that of the program. */
  project?: string | URL
  /** In Node: where the files of Python packages are kept. Otherwise in `node_modules/.cache` of the project. */
  packageCacheDir?: string | URL
  /** In Node: wheels, and folders of wheels, that take the place of what Pyodide's own lock has. */
  overlay?: (string | URL)[]
}

/** Those of pages. */
type PageSettings = Pick<InstallSettings, 'manifestUrl' | keyof CdnSettings>

/** Where a millhand server answers, and where it serves this package. */
const SERVER_URL = '/millhand/manifest'
const SERVED_PACKAGE = /^\/millhand\/[^/]*$/

/** Gives a manifest, or `null` if it is not there at all. */
type Source = (request: ManifestRequest, signal: AbortSignal) => Promise<Manifest | null>

export class Sources {
  readonly #packageUrl: string
  #settings: PageSettings = {}
  /** Sources that are not there: asked once, and then no more. */
  readonly #absent = new Set<string>()

  /** @param packageUrl where this package was imported from. */
  constructor(packageUrl: string) {
    this.#packageUrl = packageUrl
  }

  configure(settings: InstallSettings): void {
    checkOptions('settings', settings, ['manifestUrl', ...Object.keys(PUBLIC_CDNS)])
    const given = Object.entries(settings).filter(([, url]) => url !== undefined)
    this.#settings = { ...this.#settings, ...Object.fromEntries(given.map(([name, url]) => [name, parseSetting(name, url)])) }
    this.#absent.clear()
  }

  /** The manifest of a normal request, from the first source that is there. */
  async manifestOf(request: ManifestRequest, signal: AbortSignal): Promise<Manifest> {
    for (const source of this.#order()) {
      const manifest = await source(request, signal)
      if (manifest) return manifest
    }
    throw new InstallError('nobody is there who could say which files make the environment', {
      hint: 'serve the page with `millhand serve`, or export it with `millhand export`',
    })
  }

  *#order(): Iterable<Source> {
    const { manifestUrl } = this.#settings
    if (manifestUrl) {
      const url = new URL(manifestUrl, document.baseURI)
      return yield url.pathname.endsWith('.json') ? this.#prebuilt(url.href) : this.#server(url.href)
    }
    if (manifestUrl === undefined) yield* this.#usual()
    yield (request, signal) => manifestOfCdns(request, { ...PUBLIC_CDNS, ...this.#settings }, signal)
  }

  /**
   * A package that lies where a millhand server serves it came from one, most likely: then nothing else is asked. Elsewhere a
   * manifest beside the package goes first, as exported pages have it.
   */
  *#usual(): Iterable<Source> {
    const page = new URL(this.#packageUrl)
    const beside = /^https?:$/.test(page.protocol) ? [new URL('manifest.json', page).href] : []
    const own = location.origin === 'null' ? [] : [new URL(SERVER_URL, location.origin).href]
    const isServed = page.origin === location.origin && SERVED_PACKAGE.test(page.pathname)
    const server = own.map((url) => this.#ifThere(url, this.#server(url)))
    const prebuilt = beside.map((url) => this.#ifThere(url, this.#prebuilt(url)))
    yield* isServed ? [...server, ...prebuilt] : [...prebuilt, ...server]
  }

  #ifThere(url: string, source: Source): Source {
    return async (request, signal) => {
      if (this.#absent.has(url)) return null
      try {
        return await source(request, signal)
      } catch (error) {
        if (!(error instanceof ForeignAnswer)) throw error
        this.#absent.add(url)
        return null
      }
    }
  }

  #server(url: string): Source {
    return async (request, signal) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetchJson(url, { method: 'POST', signal, headers, body: JSON.stringify(request) })
      return parseManifest(answer, request, url)
    }
  }

  #prebuilt(url: string): Source {
    return async (request, signal) => {
      const document = await fetchJson(url, { signal })
      const { findPrebuilt } = await import('./prebuilt.js')
      return findPrebuilt(document, request, url)
    }
  }
}

/** `null` is for manifests alone: it says that there are none. */
function parseSetting(name: string, url: unknown): string | null {
  if (url === null && name === 'manifestUrl') return null
  const text = url instanceof URL ? url.href : url
  if (typeof text === 'string' && URL.canParse(text, document.baseURI)) return text
  throw new InvalidInputError(`settings.${name}`, url, 'is not a url')
}
