/** What a remote worker installs, of what local ones do. */

import type { RemotePlan } from '../api/remote-input.js'
import { parsePythonSpecifier } from '../install/python-specifier.js'
import type { PythonSetup, WorkerSetup } from '../wire/protocol.js'
import type { Runtime } from './frames.js'

/** Globals, and for JavaScript what runs after the install: modules and Pyodide are local workers' alone. */
export function setupOf({ globals, postInstallTasks }: WorkerSetup, runtime: Runtime): WorkerSetup {
  return { modules: null, python: null, globals, postInstallTasks: runtime === 'javascript' ? postInstallTasks : [] }
}

/** Requirements for the engine's Python: what the user says, or the packages of the pool in the versions that local workers have. */
export function environmentOf({ python }: RemotePlan, setup: WorkerSetup | null): string[] {
  if (Array.isArray(python)) return python
  return (python?.modules ?? []).map((specifier) => pin(specifier, setup?.python ?? null))
}

function pin(specifier: string, setup: PythonSetup | null): string {
  const { name, extras } = parsePythonSpecifier(specifier, 'install.pyodide')
  const { packages = {} } = (setup?.lock ?? {}) as { packages?: Record<string, { version?: string }> }
  const version = packages[name]?.version
  const asked = extras.length > 0 ? `${name}[${extras.join(',')}]` : name
  return version === undefined ? specifier : `${asked}==${version}`
}
