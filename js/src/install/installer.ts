/** Installs of one page: what pools need is prepared, what the page needs is put into it, and whatever is there is reused. */

import type { UserFunction } from '../environment/modules.js'
import type { InstallEvent, ModulesSetup, PythonSetup } from '../wire/protocol.js'
import type { PlannedStyleSheet } from './css.js'
import type { EsmPlan } from './esm.js'
import { chosenNames } from './esm.js'
import { Files } from './files.js'
import type { EsmManifest, FileEntry, Manifest, PythonManifest, StyleSheetEntry } from './manifest.js'
import { entryOf } from './manifest.js'
import { Manifests } from './manifests.js'
import type { ImageUse, PythonRequest } from './python.js'
import { manifestOfIndex, parseImageUse } from './python.js'
import type { ManifestRequest } from './request.js'
import { normalize } from './request.js'
import type { InstallSettings } from './sources.js'
import { Sources } from './sources.js'

/** What workers start Python with, beside this module. */
const PYTHON_URL = new URL('./python.js', import.meta.url).href

/** A checked environment. */
export interface EnvironmentPlan<Code> {
  esm: EsmPlan<Code> | null
  css: PlannedStyleSheet[]
  python: PythonRequest | null
}

export interface InstallOptions {
  report: (event: InstallEvent) => void
  signal: AbortSignal
}

export class Installer {
  readonly files = new Files()
  readonly #sources = new Sources(import.meta.url)
  readonly #manifests = new Manifests(this.#sources)

  /** How pools use images, if they do not say it. */
  image: ImageUse = true

  configure({ image, ...sources }: InstallSettings): void {
    const use = image === undefined ? this.image : parseImageUse(image, 'settings.image')
    this.#sources.configure(sources)
    this.image = use
    this.#manifests.forget()
  }

  async manifestOf(plan: EnvironmentPlan<unknown>, { report, signal }: InstallOptions): Promise<Manifest> {
    let asked = false
    const ask = (): void => {
      if (!asked) report({ step: 'ManifestRequested' })
      asked = true
    }
    const request = requestOf(plan)
    const [manifest, python] = await Promise.all([
      this.#manifests.of(request, signal, ask),
      this.#indexManifest(plan.python, signal, ask),
    ])
    const whole = {
      ...manifest,
      // Nobody was asked for an empty list.
      ...(plan.esm && request.esm === undefined ? { esm: { modules: [], scripts: [], files: [], graph: {} } } : {}),
      ...(python ? { pyodide: python } : {}),
    }
    if (asked) report({ step: 'ManifestReceived', ...sizeOf(whole) })
    return whole
  }

  /** Modules and scripts, whose files are fetched and verified now. */
  async prepareModules<Code>(
    plan: EsmPlan<Code>,
    manifest: EsmManifest,
    { report, signal }: InstallOptions,
  ): Promise<ModulesSetup<Code>> {
    const scripts = plan.scripts.map((specifier) => entryOf(manifest.scripts, specifier))
    const scriptFiles = scripts.map(({ specifier, url, sha256, bytes }) => ({ name: specifier, url, sha256, bytes }))
    const [contents] = await Promise.all([
      this.files.contents(scriptFiles, report, signal),
      this.files.warm(manifest.files, report, signal),
    ])
    return {
      modules: plan.modules.map(({ specifier, name, sideEffects }) => {
        const { name: of, version, subpath, url, defaultOnly } = entryOf(manifest.modules, specifier)
        const id = subpath === null ? `${of}@${version}` : `${of}@${version}/${subpath}`
        return { id, url, name, unwrap: plan.autoUnwrapDefault && defaultOnly, sideEffects }
      }),
      scripts: scripts.map(({ specifier, url, sha256 }) => {
        return { id: specifier, url, sha256, content: contents[specifier] as Blob }
      }),
      aliases: plan.aliases,
      chosen: chosenNames(plan),
    }
  }

  /** @param entries those of the manifest's files that are needed. */
  async preparePython(
    { alias }: PythonRequest,
    { version, files, packages, lock }: PythonManifest,
    { report, signal }: InstallOptions,
    entries: FileEntry[] = files,
  ): Promise<PythonSetup> {
    return { version, alias, packages, lock, files: await this.files.contents(entries, report, signal), script: PYTHON_URL }
  }

  async #indexManifest(
    python: PythonRequest | null,
    signal: AbortSignal,
    ask: () => void,
  ): Promise<PythonManifest | null> {
    if (python?.indexUrl == null) return null
    ask()
    return manifestOfIndex(python.indexUrl, python, signal)
  }
}

/** The page's own: what it remembers holds as long as the page. */
export const pageInstaller = new Installer()

/** Functions as they are: for a setup that stays in the page. */
export type PagePlan = EnvironmentPlan<UserFunction>

function requestOf({ esm, css, python }: EnvironmentPlan<unknown>): ManifestRequest {
  const sheets = css.flatMap(({ from }) => ('specifier' in from ? [from.specifier] : []))
  return normalize({
    ...(esm
      ? {
          esm: {
            modules: esm.modules.map(({ specifier }) => specifier),
            scripts: esm.scripts,
            usingDependencies: esm.usingDependencies,
          },
        }
      : {}),
    css: sheets,
    ...(python && python.indexUrl === null
      ? { pyodide: { ...(python.version === null ? {} : { version: python.version }), modules: python.modules } }
      : {}),
  })
}

function sizeOf({ esm, css = [], pyodide }: Manifest): { files: number; bytes: number } {
  const files: (FileEntry | StyleSheetEntry | { bytes: number | null })[] = [
    ...(esm?.files ?? []),
    ...(esm?.scripts ?? []),
    ...css,
    ...(pyodide?.files ?? []),
  ]
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) }
}
