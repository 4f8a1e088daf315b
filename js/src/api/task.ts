/** A task as its user holds it: a promise of the result, and the stream of what it says. */

import type { Observable } from 'rxjs'
import { iterateData } from './data-iterator.js'
import { TaskError } from './errors.js'
import type { Message, MessageExit } from './messages.js'

/** A function that runs in a worker. Its source is sent, so it sees the worker's globals and no closure of the page. */
export type EntryPoint<Args, Result> = (input: EntryPointArguments<Args>) => Result | PromiseLike<Result>

export interface EntryPointArguments<Args = unknown> {
  /** As given, cloned. */
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
  /** Sends a `Data` message. */
  sendData(data: unknown): void
  /** Marks what of `value` is moved rather than copied when it is sent or returned; gives `value` back. */
  transfer<T extends object>(value: T, list: Transferable[]): T
  /** Set it to hear what `pool.sendData` and `task.send` send; what came before comes at once. */
  onData: ((data: unknown) => void) | null
}

/** What a task's handle does through its pool. */
export interface TaskControls {
  send: (data: unknown) => boolean
  cancel: (reason: unknown) => void
}

/**
 * A task that `pool.run` queued. Awaiting it gives the entry point's result, or throws a {@link TaskError}; iterating over it
 * (`for await`) gives the payloads of its `Data` messages.
 */
export class Task<Result> implements PromiseLike<Result>, AsyncIterable<unknown> {
  readonly id: string
  /** See `TaskStream.message$`: hot, replayed, completes after `Exit`. */
  readonly message$: Observable<Message>
  readonly #controls: TaskControls
  #result: Promise<Result> | null = null

  constructor(id: string, message$: Observable<Message>, controls: TaskControls) {
    this.id = id
    this.message$ = message$
    this.#controls = controls
  }

  /** Sends data to the task's `context.onData`; `false` if the task has ended. */
  send(data: unknown): boolean {
    return this.#controls.send(data)
  }

  /**
   * Cancels the task: one that waits is dropped, one that runs is asked to stop and, if it does not within `pool.cancelGrace`, has
   * its worker ended. It exits `Cancelled`, with `reason` as the cause. One that has ended stays as it is.
   */
  cancel(reason?: unknown): void {
    this.#controls.cancel(reason)
  }

  then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#result ??= this.#settled()
    return this.#result.then(onFulfilled, onRejected)
  }

  /** Payloads from now on, and those that are replayed; breaking off does not touch the task. */
  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    return iterateData(this.message$, toTaskError)
  }

  #settled(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.message$.subscribe((message) => {
        if (message.type !== 'Exit') return
        if (message.data.reason === 'Completed') resolve(message.data.result as Result)
        else reject(toTaskError(message))
      })
    })
  }
}

function toTaskError({ data }: MessageExit): unknown {
  const { reason, result, taskId, workerId } = data
  if (reason !== 'Threw') return result
  const thrown = result as Error
  return new TaskError({ reason, taskId, workerId }, `the task threw ${thrown.name}: ${thrown.message}`, { cause: thrown })
}
