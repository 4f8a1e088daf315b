/** Python on the page's own thread. Whatever it does holds up the page: pools are for work. */

import { InstallError } from '../common/errors.js'
import type { Pyodide } from '../environment/pyodide.js'
import { addPackages, fileOfPackage, missingPackages, startPyodide, versionOfPackage } from '../environment/pyodide.js'
import { packageName } from '../wire/names.js'
import type { PythonSetup } from '../wire/protocol.js'
import type { Installer, InstallOptions } from './installer.js'
import type { PythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'

interface Runtime {
  pyodide: Pyodide
  /** Of the packages that installs have put into it, by name. */
  versions: Map<string, string>
}

export class PagePython {
  readonly #installer: Installer
  /** One for each version of Pyodide. */
  readonly #runtimes = new Map<string, Runtime>()
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
    if (runtime) checkVersions(runtime, manifest)
    const missing =
      runtime && new Set(missingPackages(runtime.pyodide, manifest.packages).map((name) => fileOfPackage(manifest.lock, name)))
    const entries = manifest.files.filter(({ name }) => missing?.has(name) ?? true)
    const setup = await this.#installer.preparePython(request, manifest, options, entries)
    return () => this.#after(() => this.#provide(key, setup, options))
  }

  async #provide(key: string, setup: PythonSetup, { report, signal }: InstallOptions): Promise<Pyodide> {
    signal.throwIfAborted()
    const runtime = this.#runtimes.get(key)
    if (!runtime) {
      const pyodide = await startPyodide(setup, report)
      this.#runtimes.set(key, { pyodide, versions: versionsOf(setup, setup.packages) })
      return pyodide
    }
    const { pyodide, versions } = runtime
    // Another install may have come in between.
    checkVersions(runtime, setup)
    const missing = missingPackages(pyodide, setup.packages)
    try {
      await addPackages(pyodide, setup, report)
    } finally {
      // If some do not load, the others stay.
      const failed = new Set(missingPackages(pyodide, missing))
      const added = missing.filter((name) => !failed.has(name))
      for (const [name, version] of versionsOf(setup, added)) versions.set(name, version)
    }
    return pyodide
  }

  #after<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#idle.then(act)
    this.#idle = result.catch(() => undefined)
    return result
  }
}

/**
 * A runtime keeps the version of a package that it has.
 * @throws InstallError if another one is wanted.
 */
function checkVersions({ versions }: Runtime, { packages, lock }: Pick<PythonSetup, 'packages' | 'lock'>): void {
  for (const [name, version] of versionsOf({ lock }, packages)) {
    const there = versions.get(name)
    if (there === undefined || there === version) continue
    throw new InstallError(`the Python of this page has \`${name}\` ${there}, and cannot have ${version} as well`, {
      hint: `ask for \`${name}==${there}\`, or for all Python packages in the page's first install; in a pool each has its own Python`,
    })
  }
}

function versionsOf({ lock }: Pick<PythonSetup, 'lock'>, packages: string[]): Map<string, string> {
  const versions = packages.map((name) => [packageName(name), versionOfPackage(lock, name)] as const)
  return new Map(versions.filter((entry): entry is [string, string] => entry[1] !== null))
}
