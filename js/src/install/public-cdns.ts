/**
 * Environments from public CDNs, where there is neither a millhand server nor a prebuilt manifest. The CDNs resolve: what they
 * give may differ from one day to the next, and modules come without hashes.
 */

import { InstallError } from '../common/errors.js'
import { fetchJson } from './fetch.js'
import type { EsmManifest, FileEntry, Manifest, ModuleEntry, PythonManifest, StyleSheetEntry } from './manifest.js'
import { DEFAULT_PYODIDE, manifestOfIndex } from './python.js'
import type { EsmRequest, ManifestRequest, PyodideRequest } from './request.js'
import type { NpmSpecifier } from './specifier.js'
import { parseNpmSpecifier } from './specifier.js'

/** Where public CDNs are. Each is replaced by `configureInstall`. */
export interface CdnSettings {
  /** Serves npm packages as ES modules: `<esmCdn>name@range/subpath`, with `?deps=name@range` for versions of dependencies. */
  esmCdn: string
  /** Serves the files of npm packages: `<fileCdn>name@version/path`. */
  fileCdn: string
  /**
   * Knows the versions and files of npm packages: `<fileIndex>name/resolved?specifier=range` answers `{ version }`,
   * `<fileIndex>name@version?structure=flat` answers `{ files: [{ name: '/path', hash, size }] }`, a sha256 in Base64.
   */
  fileIndex: string
  /** Serves Pyodide's distributions: `<pyodideCdn>v0.29.5/full/`. */
  pyodideCdn: string
}

/** The only place where hosts are named. */
export const PUBLIC_CDNS: CdnSettings = {
  esmCdn: 'https://esm.sh/',
  fileCdn: 'https://cdn.jsdelivr.net/npm/',
  fileIndex: 'https://data.jsdelivr.com/v1/packages/npm/',
  pyodideCdn: 'https://cdn.jsdelivr.net/pyodide/',
}

/** Packages that have another name today, as a millhand server knows them. */
const RENAMED: Record<string, string> = { fontawesome: '@fortawesome/fontawesome-free' }

export async function manifestOfCdns(
  { esm, css, pyodide }: ManifestRequest,
  settings: CdnSettings,
  signal: AbortSignal,
): Promise<Manifest> {
  const cdns = new Cdns(settings, signal)
  const [modules, sheets, python] = await Promise.all([
    esm && cdns.esm(esm),
    css && Promise.all(css.map((specifier) => cdns.styleSheet(specifier))),
    pyodide && cdns.python(pyodide),
  ])
  return { ...(modules ? { esm: modules } : {}), ...(sheets ? { css: sheets } : {}), ...(python ? { pyodide: python } : {}) }
}

class Cdns {
  readonly #settings: CdnSettings
  readonly #signal: AbortSignal

  constructor(settings: CdnSettings, signal: AbortSignal) {
    this.#settings = settings
    this.#signal = signal
  }

  async esm({ modules = [], scripts = [], usingDependencies = [] }: EsmRequest): Promise<EsmManifest> {
    const entries = modules.map((specifier) => this.#module(specifier, usingDependencies))
    return {
      modules: entries,
      scripts: await Promise.all(scripts.map((specifier) => this.#file(specifier))),
      // The others of a package are known to the CDN alone.
      files: entries.map(({ name, version, url }) => ({ name: `${name}@${version}`, url, sha256: null, bytes: null })),
      graph: Object.fromEntries(entries.map(({ name, version }) => [`${name}@${version}`, []])),
    }
  }

  async styleSheet(specifier: string): Promise<StyleSheetEntry> {
    return { ...(await this.#file(specifier)), files: [] }
  }

  python({ version = DEFAULT_PYODIDE, modules = [] }: PyodideRequest): Promise<PythonManifest> {
    const url = new URL(`v${version}/full/`, base(this.#settings.pyodideCdn))
    return manifestOfIndex(url.href, { version, modules }, this.#signal)
  }

  #module(specifier: string, usingDependencies: string[]): ModuleEntry {
    const { name, range, subpath } = parseRenamed(specifier)
    const version = range ?? 'latest'
    const url = new URL(`${name}@${encodeURIComponent(version)}${subpath === null ? '' : `/${subpath}`}`, base(this.#settings.esmCdn))
    const dependencies = usingDependencies.map((dependency) => parseNpmSpecifier(dependency, 'usingDependencies'))
    if (dependencies.length > 0) {
      url.searchParams.set('deps', dependencies.map(({ name, range }) => `${name}@${range ?? 'latest'}`).join(','))
    }
    return { specifier, name, version, subpath, url: url.href, defaultOnly: null }
  }

  async #file(specifier: string): Promise<FileEntry & { specifier: string; version: string }> {
    const { name, range, file } = parseRenamed(specifier)
    const { fileCdn, fileIndex } = this.#settings
    const resolved = await this.#json(new URL(`${name}/resolved?specifier=${encodeURIComponent(range ?? 'latest')}`, base(fileIndex)))
    const { version } = resolved as { version?: unknown }
    if (typeof version !== 'string') throw new InstallError(`there is no version of \`${name}\` that is \`${range}\``)
    const index = await this.#json(new URL(`${name}@${version}?structure=flat`, base(fileIndex)))
    const { path, sha256, bytes } = findFile(index as FileIndex, specifier, file)
    const url = new URL(`${name}@${version}${path}`, base(fileCdn)).href
    return { specifier, name, version, url, sha256, bytes }
  }

  #json(url: URL): Promise<unknown> {
    return fetchJson(url.href, { signal: this.#signal })
  }
}

interface FileIndex {
  files?: { name: string; hash?: string; size?: number }[]
  default?: string | null
}

/** The file that a specifier names: by its path, or by the end of it if only one has that. */
function findFile(
  { files = [], default: main }: FileIndex,
  specifier: string,
  file: string | null,
): { path: string; sha256: string | null; bytes: number | null } {
  const wanted = file === null ? (main ?? '') : `/${file}`
  const exact = files.filter(({ name }) => name === wanted)
  const found = exact.length > 0 || wanted === '' ? exact : files.filter(({ name }) => name.endsWith(wanted))
  const [one] = found
  if (!one) {
    throw new InstallError(`no file of its package is \`${specifier}\``, { hint: 'name one with `~path/of/file`' })
  }
  if (found.length > 1) {
    const hint = `name more of its path: \`${found.map(({ name }) => name.slice(1)).join('`, `')}\``
    throw new InstallError(`more than one file of its package is \`${specifier}\``, { hint })
  }
  return { path: one.name, sha256: one.hash === undefined ? null : hexOf(one.hash), bytes: one.size ?? null }
}

function parseRenamed(specifier: string): NpmSpecifier {
  const parsed = parseNpmSpecifier(specifier, 'specifier')
  return { ...parsed, name: RENAMED[parsed.name] ?? parsed.name }
}

const base = (folder: string): URL => new URL(folder.endsWith('/') ? folder : `${folder}/`, document.baseURI)

const hexOf = (base64: string): string =>
  [...atob(base64)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
