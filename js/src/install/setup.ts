/** From a checked input to what each worker installs: resolved, fetched and verified once, whatever the pool's size. */

import type { PoolPlan } from '../api/inputs.js'
import type { WorkerSetup } from '../wire/protocol.js'
import type { InstallOptions } from './installer.js'
import { pageInstaller } from './installer.js'
import type { EsmManifest, PythonManifest } from './manifest.js'

/** @param signal stops it. */
export async function prepareSetup(
  plan: Pick<PoolPlan, 'esm' | 'python' | 'globals' | 'postInstallTasks'>,
  report: InstallOptions['report'],
  signal: AbortSignal,
): Promise<WorkerSetup> {
  const { esm, python, globals, postInstallTasks } = plan
  const options = { report, signal }
  const manifest = esm || python ? await pageInstaller.manifestOf({ esm, css: [], python }, options) : {}
  const [modules, pythonSetup] = await Promise.all([
    esm && pageInstaller.prepareModules(esm, manifest.esm as EsmManifest, options),
    python && pageInstaller.preparePython(python, manifest.pyodide as PythonManifest, options),
  ])
  return { modules, python: pythonSetup, globals, postInstallTasks }
}
