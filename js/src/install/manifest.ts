/** The manifest: exactly which files make an environment. The page asks for it, once for each environment. */

import { InstallError } from '../common/errors.js'
import type { ManifestRequest, Part } from './request.js'
import { PARTS, withoutAlias } from './request.js'

/** The parts that were asked for. Urls are absolute. */
export interface Manifest {
  esm?: EsmManifest
  css?: StyleSheetEntry[]
  pyodide?: PythonManifest
}

export interface EsmManifest {
  modules: ModuleEntry[]
  scripts: ScriptEntry[]
  /** All that the modules need before they run. */
  files: FileEntry[]
  /** Packages, and the packages that each of them needs. */
  graph: Record<string, string[]>
}

export interface ModuleEntry {
  /** As it was asked for, with or without its alias. */
  specifier: string
  name: string
  version: string
  subpath: string | null
  url: string
  /** Whether it has a default export and nothing else; `null` if that is not known. */
  defaultOnly: boolean | null
}

export interface ScriptEntry {
  specifier: string
  name: string
  version: string
  url: string
  sha256: string | null
  bytes: number | null
}

export interface StyleSheetEntry extends ScriptEntry {
  /** What the stylesheet refers to, where it is known. */
  files: FileEntry[]
}

export interface PythonManifest {
  version: string
  /** Every file that a worker needs. */
  files: FileEntry[]
  /** Names in `lock`, dependencies before dependents. */
  packages: string[]
  lock: unknown
  /** An image of it that was made ahead. */
  image: ImageEntry | null
}

export interface ImageEntry {
  /** What it depends on: see `planImage`. */
  key: string
  file: FileEntry
}

export interface FileEntry {
  name: string
  url: string
  /** In hexadecimal; `null` if whoever serves the file gave none. */
  sha256: string | null
  bytes: number | null
}

/**
 * Reads an answer.
 * @param base what its urls are relative to.
 * @throws InstallError that names what is not as it should be.
 */
export function parseManifest(answer: unknown, request: ManifestRequest, base: string): Manifest {
  const { esm, css, pyodide } = new Reading(base).parts(answer, request)
  return { ...(esm ? { esm } : {}), ...(css ? { css } : {}), ...(pyodide ? { pyodide } : {}) }
}

/**
 * A manifest's entry for a specifier that it was asked for.
 * @throws InstallError if it has none.
 */
export function entryOf<Entry extends { specifier: string }>(entries: Entry[], specifier: string): Entry {
  const entry = entries.find((entry) => withoutAlias(entry.specifier) === specifier)
  if (entry) return entry
  throw new InstallError(`the manifest has nothing for \`${specifier}\``, { hint: HINT })
}

const HINT = 'page and server are of different versions: use the server’s own `/millhand/index.js`, or export the page anew'

type Fields = Record<string, unknown>

/** One manifest, from what it says to what it must say. */
class Reading {
  readonly #base: string

  constructor(base: string) {
    this.#base = base
  }

  parts(answer: unknown, request: ManifestRequest): Manifest {
    const fields = this.#object(answer, 'manifest')
    const missing = PARTS.find((part: Part) => request[part] !== undefined && fields[part] === undefined)
    if (missing) throw this.#problem(`has no \`${missing}\``)
    return {
      ...(request.esm ? { esm: this.#esm(this.#object(fields['esm'], 'esm')) } : {}),
      ...(request.css ? { css: this.#list(fields['css'], 'css', (entry, at) => this.#styleSheet(entry, at)) } : {}),
      ...(request.pyodide ? { pyodide: this.#python(this.#object(fields['pyodide'], 'pyodide')) } : {}),
    }
  }

  #esm(fields: Fields): EsmManifest {
    return {
      modules: this.#list(fields['modules'] ?? [], 'esm.modules', (entry, at) => this.#module(entry, at)),
      scripts: this.#list(fields['scripts'] ?? [], 'esm.scripts', (entry, at) => this.#script(entry, at)),
      files: this.#files(fields['files'] ?? [], 'esm.files'),
      graph: this.#graph(this.#object(fields['graph'] ?? {}, 'esm.graph')),
    }
  }

  #graph(fields: Fields): Record<string, string[]> {
    const entries = Object.entries(fields).map(([id, needs]) => {
      const at = `esm.graph["${id}"]`
      return [id, this.#array(needs, at).map((need) => this.#text(need, at))] as const
    })
    return Object.fromEntries(entries)
  }

  #module(entry: Fields, at: string): ModuleEntry {
    const { subpath = null } = entry
    return {
      ...this.#package(entry, at),
      subpath: subpath === null ? null : this.#text(subpath, `${at}.subpath`),
      defaultOnly: typeof entry['defaultOnly'] === 'boolean' ? entry['defaultOnly'] : null,
    }
  }

  #script(entry: Fields, at: string): ScriptEntry {
    return { ...this.#package(entry, at), ...this.#content(entry, at) }
  }

  #styleSheet(entry: Fields, at: string): StyleSheetEntry {
    return { ...this.#script(entry, at), files: this.#files(entry['files'] ?? [], `${at}.files`) }
  }

  #python(fields: Fields): PythonManifest {
    return {
      version: this.#text(fields['version'], 'pyodide.version'),
      files: this.#files(fields['files'], 'pyodide.files'),
      packages: this.#array(fields['packages'], 'pyodide.packages').map((name) => this.#text(name, 'pyodide.packages')),
      lock: fields['lock'],
      image: fields['image'] === undefined ? null : this.#image(this.#object(fields['image'], 'pyodide.image')),
    }
  }

  #image(fields: Fields): ImageEntry {
    const at = 'pyodide.image'
    const file = { name: 'image of Python', url: this.#url(fields['url'], `${at}.url`), ...this.#content(fields, at) }
    return { key: this.#text(fields['key'], `${at}.key`), file }
  }

  #package(entry: Fields, at: string): { specifier: string; name: string; version: string; url: string } {
    return {
      specifier: this.#text(entry['specifier'], `${at}.specifier`),
      name: this.#text(entry['name'], `${at}.name`),
      version: this.#text(entry['version'], `${at}.version`),
      url: this.#url(entry['url'], `${at}.url`),
    }
  }

  #files(list: unknown, at: string): FileEntry[] {
    return this.#list(list, at, (entry, at) => ({
      name: this.#text(entry['name'], `${at}.name`),
      url: this.#url(entry['url'], `${at}.url`),
      ...this.#content(entry, at),
    }))
  }

  #content(entry: Fields, at: string): { sha256: string | null; bytes: number | null } {
    const { sha256 = null, bytes = null } = entry
    return {
      sha256: sha256 === null ? null : this.#text(sha256, `${at}.sha256`),
      bytes: typeof bytes === 'number' ? bytes : null,
    }
  }

  #list<T>(list: unknown, at: string, read: (entry: Fields, at: string) => T): T[] {
    return this.#array(list, at).map((entry, index) => read(this.#object(entry, `${at}[${index}]`), `${at}[${index}]`))
  }

  #array(list: unknown, at: string): unknown[] {
    if (Array.isArray(list)) return list
    throw this.#problem(`has no list as \`${at}\``)
  }

  #object(value: unknown, at: string): Fields {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
    throw this.#problem(`has no object as \`${at}\``)
  }

  #text(value: unknown, at: string): string {
    if (typeof value === 'string') return value
    throw this.#problem(`has no text as \`${at}\``)
  }

  #url(value: unknown, at: string): string {
    const text = this.#text(value, at)
    if (URL.canParse(text, this.#base)) return new URL(text, this.#base).href
    throw this.#problem(`has no url as \`${at}\``)
  }

  #problem(what: string): InstallError {
    return new InstallError(`the manifest of \`${this.#base}\` ${what}`, { hint: HINT })
  }
}
