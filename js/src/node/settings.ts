/** What `configureInstall` says in Node. */

import { dirname } from 'node:path'
import { realpathSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { checkOptions } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import type { InstallSettings } from '../install/sources.js'

const OPTIONS = ['project', 'packageCacheDir', 'overlay', 'manifestUrl', 'pyodideCdn'] as const

export class Settings {
  #given: Pick<InstallSettings, (typeof OPTIONS)[number]> = {}

  /** @throws InvalidInputError */
  configure(settings: InstallSettings): void {
    checkOptions('settings', settings, OPTIONS, 'in Node, packages come from the project')
    for (const name of ['project', 'packageCacheDir'] as const) checkPath(name, settings[name])
    for (const name of ['manifestUrl', 'pyodideCdn'] as const) checkUrl(name, settings[name])
    const { overlay } = settings
    if (overlay !== undefined && !Array.isArray(overlay)) throw new InvalidInputError('settings.overlay', overlay, 'is not a list')
    overlay?.forEach((path, index) => checkPath(`overlay[${index}]`, path))
    const given = Object.entries(settings).filter(([, value]) => value !== undefined)
    this.#given = { ...this.#given, ...Object.fromEntries(given) }
  }

  /** Folders from which packages are looked for, one after the other: that of the program, and the current one. */
  get projects(): string[] {
    const { project } = this.#given
    if (project !== undefined) return [toFolder(project)]
    const [, program] = process.argv
    const folders = [...(program === undefined ? [] : [folderOf(program)]), process.cwd()]
    return [...new Set(folders)]
  }

  /** Where Python packages are kept; `null`: in a folder of the project. */
  get packageCacheDir(): string | null {
    return this.#given.packageCacheDir === undefined ? null : toPath(this.#given.packageCacheDir)
  }

  /** Wheels, and folders of wheels. */
  get overlay(): string[] {
    return (this.#given.overlay ?? []).map(toPath)
  }

  get manifestUrl(): URL | null {
    const { manifestUrl } = this.#given
    return manifestUrl == null ? null : toUrl(manifestUrl)
  }

  get pyodideCdn(): URL | null {
    const { pyodideCdn } = this.#given
    return pyodideCdn === undefined ? null : toUrl(pyodideCdn)
  }
}

/** Of this process. */
export const settings = new Settings()

const toUrl = (url: string | URL): URL => new URL(url, pathToFileURL(`${process.cwd()}/`))
const toPath = (path: string | URL): string => (isFileUrl(path) ? fileURLToPath(path) : String(path))
const isFileUrl = (path: string | URL): boolean => String(path).startsWith('file:')

/** A module's url stands for its folder, so that `import.meta.url` can be given. */
function toFolder(project: string | URL): string {
  const path = toPath(project)
  return isFileUrl(project) && !String(project).endsWith('/') ? dirname(path) : path
}

/** The folder of a script, where it really lies. */
function folderOf(program: string): string {
  try {
    return dirname(realpathSync(program))
  } catch {
    return dirname(program)
  }
}

function checkPath(name: string, path: unknown): void {
  if (path === undefined || typeof path === 'string' || (path instanceof URL && path.protocol === 'file:')) return
  throw new InvalidInputError(`settings.${name}`, path, 'is not a path', 'give a path or a `file:` url')
}

function checkUrl(name: string, url: unknown): void {
  if (url == null || url instanceof URL || (typeof url === 'string' && URL.canParse(url, 'file:///'))) return
  throw new InvalidInputError(`settings.${name}`, url, 'is not a url')
}
