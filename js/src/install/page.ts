/** Installs into the page: everything is fetched, then put in place; if anything fails, nothing of it stays. */

import { ModuleError, PermanentInstallError } from '../environment/failures.js'
import { attempt, loadModules, setNames } from '../environment/modules.js'
import { InstallError, MillhandError } from '../common/errors.js'
import type { ScriptRecord } from '../wire/protocol.js'
import type { PlannedStyleSheet } from './css.js'
import type { Resource } from './elements.js'
import { Scripts, StyleSheets } from './elements.js'
import { chosenNames } from './esm.js'
import type { LoadingGraph } from './graph.js'
import { loadingGraphOf, mergeGraphs } from './graph.js'
import type { Installer, InstallOptions, PagePlan } from './installer.js'
import type { EsmManifest, FileEntry, Manifest, PythonManifest } from './manifest.js'
import { entryOf } from './manifest.js'
import { PagePython } from './page-python.js'

/** A stylesheet on its way. */
interface StyleSheet extends Resource {
  name: string
  sideEffects: PlannedStyleSheet['sideEffects']
}

export class PageInstalls {
  readonly #installer: Installer
  readonly #styleSheets = new StyleSheets()
  readonly #scripts = new Scripts()
  readonly #python: PagePython
  /** Names that installs have put on the global scope: they may be put there anew. */
  readonly #names = new Set<string>()
  #installed: LoadingGraph = mergeGraphs([])

  constructor(installer: Installer) {
    this.#installer = installer
    this.#python = new PagePython(installer)
  }

  /** What all installs so far have put into the page. */
  get installed(): LoadingGraph {
    return this.#installed
  }

  /** @throws InstallError; nothing was installed then. */
  async install(plan: PagePlan, options: InstallOptions): Promise<Record<string, unknown>> {
    const added: string[] = []
    const failing = new AbortController()
    const signal = AbortSignal.any([options.signal, failing.signal])
    try {
      const manifest = await this.#installer.manifestOf(plan, { ...options, signal })
      const values = await this.#load(plan, manifest, { ...options, signal }, added)
      signal.throwIfAborted()
      this.#installed = mergeGraphs([this.#installed, loadingGraphOf(manifest)])
      const chosen = [...chosenNames(plan.esm), ...(plan.python ? [plan.python.alias] : [])]
      for (const name of setNames(values, new Set([...this.#names, ...chosen]))) this.#names.add(name)
      options.report({ step: 'Installed' })
      return values
    } catch (error) {
      failing.abort() // What is still on its way is of no use.
      for (const url of added) this.#styleSheets.release(url)
      throw failureOf(error, options.signal)
    }
  }

  /** @param added gets the stylesheets that are in the page. */
  async #load(plan: PagePlan, manifest: Manifest, options: InstallOptions, added: string[]): Promise<Record<string, unknown>> {
    const { report, signal } = options
    const sheets = plan.css.map((sheet) => toStyleSheet(sheet, manifest))
    const [modules, startPython] = await Promise.all([
      plan.esm && this.#installer.prepareModules(plan.esm, manifest.esm as EsmManifest, options),
      plan.python && this.#python.prepare(plan.python, manifest.pyodide as PythonManifest, options),
      this.#installer.files.warm(sheetFiles(plan.css, manifest), report, signal),
    ])
    const links = await this.#addSheets(sheets, options, added)
    const runScript = ({ url, sha256 }: ScriptRecord): Promise<void> => this.#scripts.run({ url, sha256, wasFetched: true })
    const values = modules ? await loadModules(modules, { report, runScript, signal }) : {}
    const python = startPython && (await startPython())
    for (const [index, { name, sideEffects }] of sheets.entries()) {
      await attempt(`the side effects of \`${name}\` threw`, 'calling', () => sideEffects?.(links[index] as HTMLLinkElement))
    }
    return plan.python ? { ...values, [plan.python.alias]: python } : values
  }

  /** All of them, or none. */
  async #addSheets(sheets: StyleSheet[], { report }: InstallOptions, added: string[]): Promise<HTMLLinkElement[]> {
    const outcomes = await Promise.allSettled(
      sheets.map(async (sheet) => {
        const link = await this.#styleSheets.add(sheet)
        added.push(sheet.url)
        report({ step: 'StyleSheetLoaded', name: sheet.name })
        return link
      }),
    )
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    })
  }
}

function toStyleSheet({ from, sideEffects }: PlannedStyleSheet, { css = [] }: Manifest): StyleSheet {
  if ('url' in from) return { name: from.url, url: from.url, sha256: null, wasFetched: false, sideEffects }
  const { url, sha256 } = entryOf(css, from.specifier)
  return { name: from.specifier, url, sha256, wasFetched: true, sideEffects }
}

function sheetFiles(sheets: PlannedStyleSheet[], { css = [] }: Manifest): FileEntry[] {
  return sheets.flatMap(({ from }) => {
    if ('url' in from) return []
    const { specifier: name, url, sha256, bytes } = entryOf(css, from.specifier)
    return [{ name, url, sha256, bytes }]
  })
}

function failureOf(error: unknown, signal: AbortSignal): MillhandError {
  if (signal.aborted) return new MillhandError('cancelled', 'the install was cancelled', { cause: signal.reason })
  if (error instanceof MillhandError) return error
  if (PermanentInstallError.is(error)) return failureOf(error.cause, signal)
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  return new InstallError(message, { cause: error instanceof ModuleError ? cause : error })
}
