/** A task as its user holds it: a promise of the result, and the stream of what it says. */

import type { Observable } from 'rxjs'
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
  /** Sends a `Log` message. */
  info(text: string, json?: unknown): void
  /** Sends a `Data` message. */
  sendData(data: unknown): void
  /** Set it to hear what `pool.sendData` and `task.send` send; what came before comes at once. */
  onData: ((data: unknown) => void) | null
}

/** A task that `pool.run` queued. Awaiting it gives the entry point's result, or throws a {@link TaskError}. */
export class Task<Result> implements PromiseLike<Result> {
  readonly id: string
  /** See `TaskStream.message$`: hot, replayed, completes after `Exit`. */
  readonly message$: Observable<Message>
  readonly #send: (data: unknown) => boolean
  #result: Promise<Result> | null = null

  constructor(id: string, message$: Observable<Message>, send: (data: unknown) => boolean) {
    this.id = id
    this.message$ = message$
    this.#send = send
  }

  /** Sends data to the task's `context.onData`; `false` if the task has ended. */
  send(data: unknown): boolean {
    return this.#send(data)
  }

  then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#result ??= this.#settled()
    return this.#result.then(onFulfilled, onRejected)
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
