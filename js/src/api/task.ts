/** A task as its user holds it: a promise of the result, and the stream of what it says. */

import type { Observable } from 'rxjs'
import { iterateData } from './data-iterator.js'
import { TaskError } from '../common/errors.js'
import type { EntryPointArguments } from '../wire/task-input.js'
import type { Message, MessageExit } from './messages.js'

export type { EntryPointArguments, WorkerContext, WorkerScope } from '../wire/task-input.js'

/** A function that runs in a worker. Its source is sent, so it sees the worker's globals and no closure of the page. */
export type EntryPoint<Args, Result> = (input: EntryPointArguments<Args>) => Result | PromiseLike<Result>

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

  catch<Rejected = never>(
    onRejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Result | Rejected> {
    return this.then(null, onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<Result> {
    return this.then().finally(onFinally)
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

/** Name and message; of a Python exception the last line, for its message is the whole traceback. */
function summaryOf(thrown: Error & { python?: { traceback: string } | undefined }): string {
  return thrown.python?.traceback.trim().split('\n').at(-1) ?? `${thrown.name}: ${thrown.message}`
}

function toTaskError({ data }: MessageExit): unknown {
  const { reason, result, taskId, workerId } = data
  if (reason !== 'Threw') return result
  const thrown = result as Error
  return new TaskError({ reason, taskId, workerId }, `the task threw ${summaryOf(thrown)}`, { cause: thrown })
}
