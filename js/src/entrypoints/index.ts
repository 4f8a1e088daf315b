/** The package as a page imports it. The import waits for the host, which is a small WebAssembly module beside it. */

import * as workersPool from '../api/workers-pool.js'
import { startHost } from '../host.js'

await startHost({ module_or_path: new URL('./millhand_web_bg.wasm', import.meta.url) })

export { isMillhandError, InstallError, InvalidInputError, MillhandError, TaskError } from '../common/errors.js'
export type { ErrorCode } from '../common/errors.js'
export type {
  CssInput,
  EsmInput,
  InstallInputs,
  PoolSizing,
  PostInstallTask,
  PyodideInput,
  WorkersPoolInput,
} from '../api/inputs.js'
export { configureInstall, install, queryInstalled, queryLoadingGraph } from '../api/install.js'
export type { PageInstallInputs } from '../api/install.js'
export type { BroadcastOptions } from '../api/broadcast.js'
export type * from '../api/messages.js'
export type { EngineStatus, PoolStats, RunningTask, WorkerEntry, WWorkerTrait } from '../api/pool-news.js'
export { Task } from '../api/task.js'
export type { EntryPoint, EntryPointArguments, WorkerContext, WorkerScope } from '../api/task.js'
export { WorkersPool } from '../api/workers-pool.js'
export type { RemoteInput } from '../api/remote-input.js'
export type { Trace, TraceEvent, TraceOptions } from '../api/trace.js'
export type { ScheduleInput, TaskOptions } from '../api/task-options.js'
export type { LoadedItem, LoadingGraph } from '../install/graph.js'
export type { InstallSettings } from '../install/sources.js'
export type { RemoteMachine } from '../wire/protocol.js'
export type { ImageUse } from '../install/python.js'
export { RemoteError } from '../wire/errors.js'

/** The workers pool's module, by the name that notebooks know it by. */
export async function installWorkersPoolModule(): Promise<Pick<typeof workersPool, 'WorkersPool'>> {
  return { WorkersPool: workersPool.WorkersPool }
}

/** Views of pools and installs. Their script is loaded by the first call. */
export async function installViewsModule(): Promise<typeof import('../views/index.js')> {
  const views = await import('../views/index.js')
  views.definePoolElement()
  return views
}
