/** From a checked input to what each worker installs: resolved, fetched and verified once, whatever the pool's size. */

import type { PoolPlan } from '../api/inputs.js'
import type { InstallEvent, PythonSetup, WorkerSetup } from '../wire/protocol.js'
import { fetchFiles } from './files.js'
import { requestPythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'

/** @param signal stops it. */
export async function prepareSetup(
  plan: Pick<PoolPlan, 'python' | 'globals' | 'postInstallTasks'>,
  report: (event: InstallEvent) => void,
  signal: AbortSignal,
): Promise<WorkerSetup> {
  return {
    python: plan.python && (await preparePython(plan.python, report, signal)),
    globals: plan.globals,
    postInstallTasks: plan.postInstallTasks,
  }
}

async function preparePython(
  request: PythonRequest,
  report: (event: InstallEvent) => void,
  signal: AbortSignal,
): Promise<PythonSetup> {
  report({ step: 'ManifestRequested' })
  const { version, files, packages, lock } = await requestPythonManifest(request, signal)
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
  report({ step: 'ManifestReceived', files: files.length, bytes })
  return { version, alias: request.alias, packages, lock, files: await fetchFiles(files, report, signal) }
}
