/** What a task's function is called with: the page's types and the worker's are these. */

/** The argument of an entry point. */
export interface EntryPointArguments<Args = unknown> {
  /** As given at the call, cloned. */
  args: Args
  context: WorkerContext
  /** The worker's global scope: `pyodide` and other installed names, and the pool's `globals`. */
  workerScope: WorkerScope
  taskId: string
  workerId: string
}

/**
 * The global scope of a worker, with whatever was installed in it. The one `any` of this package: what an environment
 * puts there is not known to the type system, and `unknown` would ask for a cast at each use.
 */
export interface WorkerScope {
  [name: string]: any
}

/** How a running task talks to the page. */
export interface WorkerContext {
  /** Aborted when the task is cancelled or has run for too long; the task then has a little time to end. */
  readonly signal: AbortSignal
  /** Sends a `Log` message. */
  info(text: string, json?: unknown): void
  /** Sends how far the task is, from 0 to 1, as a `Log` message whose `json` is `{ progress: fraction }`. */
  progress(fraction: number, text?: string): void
  /** Sends a `Data` message; an object's own fields are also those of the message. */
  sendData(data: unknown): void
  /** Marks what of `value` is moved rather than copied when it is sent or returned; gives `value` back. */
  transfer<T extends object>(value: T, list: Transferable[]): T
  /** Set it to hear what `pool.sendData` and `task.send` send; what came before it was set comes at once. */
  onData: ((data: unknown) => void) | null
}
