/** What a pool asks of where it is: a page (`js/src/page`) or Node (`js/src/node`). A build has one of them, as `#platform`. */

import type { OpenPort, WorkerLocation } from '../host.js'
import type { InstallEvent, WorkerSetup } from '../wire/protocol.js'
import type { Machine, PoolPlan } from './inputs.js'

export interface Platform {
  /** How the workers of a pool are opened. */
  portOpener(plan: PoolPlan): OpenPort
  /** What sizes are chosen by. */
  machine(): Machine
  /** What relative urls are relative to. */
  baseUrl(): string
  /** What the workers of a pool install; `signal` stops its preparation, which begins after this call. */
  setupsOf(plan: PoolPlan, report: (event: InstallEvent) => void, signal: AbortSignal): WorkerSetups
  /** Whether a worker that ends itself tells first what it has ended: only then may it have tasks ahead. */
  readonly postsAhead: boolean
  /** Keeps the program alive, where one ends that waits for nothing, until the function that it gives is called. */
  hold(): () => void
  /** Makes `error` an uncaught one. */
  reportError(error: unknown): void
}

export interface WorkerSetups {
  /** What the next worker of a place installs. */
  next(location: WorkerLocation): Promise<WorkerSetup>
  /** Hears how the installs of workers get on. */
  hear(event: InstallEvent): void
}
