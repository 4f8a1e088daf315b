/** Python on the page's own thread. Whatever it does holds up the page: pools are for work. */

import type { Pyodide } from '../environment/pyodide.js'
import { addPackages, fileOfPackage, missingPackages, startPyodide } from '../environment/pyodide.js'
import type { PythonSetup } from '../wire/protocol.js'
import type { Installer, InstallOptions } from './installer.js'
import type { PythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'

export class PagePython {
  readonly #installer: Installer
  /** One for each version of Pyodide. */
  readonly #runtimes = new Map<string, Pyodide>()
  /** The end of the last change: they come one after the other. */
  #idle: Promise<unknown> = Promise.resolve()

  constructor(installer: Installer) {
    this.#installer = installer
  }

  /** Fetches what the page does not have, and gives what puts it into the runtime. */
  async prepare(
    request: PythonRequest,
    manifest: PythonManifest,
    options: InstallOptions,
  ): Promise<() => Promise<Pyodide>> {
    const key = `${manifest.version} ${request.indexUrl}`
    const runtime = this.#runtimes.get(key)
    const missing = runtime && new Set(missingPackages(runtime, manifest.packages).map((name) => fileOfPackage(manifest.lock, name)))
    const entries = manifest.files.filter(({ name }) => missing?.has(name) ?? true)
    const setup = await this.#installer.preparePython(request, manifest, options, entries)
    return () => this.#after(() => this.#provide(key, setup, options))
  }

  async #provide(key: string, setup: PythonSetup, { report, signal }: InstallOptions): Promise<Pyodide> {
    signal.throwIfAborted()
    const runtime = this.#runtimes.get(key)
    if (runtime) {
      await addPackages(runtime, setup, report)
      return runtime
    }
    const started = await startPyodide(setup, report)
    this.#runtimes.set(key, started)
    return started
  }

  #after<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#idle.then(act)
    this.#idle = result.catch(() => undefined)
    return result
  }
}
