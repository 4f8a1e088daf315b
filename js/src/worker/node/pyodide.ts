/** Pyodide in Node: the runtime of the project's own `pyodide`, and packages from files that the pool has verified. */

import { fileURLToPath } from 'node:url'
import type { Pyodide } from '../../environment/pyodide.js'
import { loadPackages } from '../../environment/pyodide.js'
import type { InstallEvent, PythonSetup } from '../../wire/protocol.js'

/** What is not in the folder of packages is not to be had from elsewhere: a name that resolves nowhere. */
const NOWHERE = 'https://environment.millhand.invalid/'

export async function startPyodide(setup: PythonSetup, report: (event: InstallEvent) => void): Promise<Pyodide> {
  const { version, lock, packages, folders } = setup
  if (!folders) throw new Error('the setup names no folder of a Pyodide')
  report({ step: 'PythonStarting', version, from: 'files' })
  const { loadPyodide } = (await import(new URL('pyodide.mjs', folders.runtime).href)) as {
    loadPyodide: (options: object) => Promise<Pyodide>
  }
  const pyodide = await loadPyodide({
    indexURL: fileURLToPath(folders.runtime),
    packageCacheDir: fileURLToPath(folders.packages),
    packageBaseUrl: NOWHERE,
    lockFileContents: lock,
  })
  await loadPackages(pyodide, packages, packages, report)
  return pyodide
}
