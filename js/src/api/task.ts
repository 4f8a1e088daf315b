/** A task as its user holds it: a promise of the result, and the stream of what it says. */

import { Observable } from 'rxjs'
import { iterateData } from './data-iterator.js'
import { TaskError } from '../common/errors.js'
import type { RemoteError } from '../wire/errors.js'
import { taskName } from '../wire/names.js'
import type { EntryPointArguments } from '../wire/task-input.js'
import type { Message, MessageExit } from './messages.js'
import type { TaskStream } from './task-stream.js'

export type { EntryPointArguments, WorkerContext, WorkerScope } from '../wire/task-input.js'

/** A function that runs in a worker. Its source is sent, so it sees the worker's globals and no closure of the page. */
export type EntryPoint<Args, Result> = (input: EntryPointArguments<Args>) => Result | PromiseLike<Result>

/** What a task's handle does through its pool. */
export interface TaskControls {
  send: (task: number, data: unknown) => boolean
  cancel: (task: number, reason: unknown) => void
}

/**
 * A task that `pool.run` queued. Awaiting it gives the entry point's result, or throws a {@link TaskError}; iterating over it
 * (`for await`) gives the payloads of its `Data` messages.
 *
 * One that fails while nobody awaits it, iterates over it or subscribes to it is an unhandled rejection, as a promise is.
 */
export class Task<Result> implements PromiseLike<Result>, AsyncIterable<unknown> {
  readonly #stream: TaskStream
  readonly #controls: TaskControls
  #message$: Observable<Message> | null = null
  #result: Promise<Result> | null = null
  #resolve: ((result: Result) => void) | null = null
  #reject: ((error: unknown) => void) | null = null
  /** Whether somebody hears of a failure other than by the promise. */
  #isHeard = false

  constructor(stream: TaskStream, controls: TaskControls) {
    this.#stream = stream
    this.#controls = controls
    stream.onExit(() => this.#settle())
  }

  get id(): string {
    return taskName(this.#stream.id)
  }

  /** See {@link TaskStream.subscribe}: hot, replayed, completes after `Exit`. */
  get message$(): Observable<Message> {
    this.#message$ ??= new Observable((subscriber) => {
      this.#hear()
      return this.#stream.subscribe(subscriber)
    })
    return this.#message$
  }

  /** Sends data to the task's `context.onData`; `false` if the task has ended. */
  send(data: unknown): boolean {
    return this.#controls.send(this.#stream.id, data)
  }

  /**
   * Cancels the task: one that waits is dropped, one that runs is asked to stop and, if it does not within `pool.cancelGrace`, has
   * its worker ended. It exits `Cancelled`, with `reason` as the cause. One that has ended stays as it is.
   */
  cancel(reason?: unknown): void {
    this.#controls.cancel(this.#stream.id, reason)
  }

  then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#promise().then(onFulfilled, onRejected)
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
    this.#hear()
    return iterateData(this.message$, (exit) => toTaskError(exit, this.#stream))
  }

  #promise(): Promise<Result> {
    if (this.#result) return this.#result
    this.#result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#settle()
    return this.#result
  }

  /** Settles the promise, if there is one and the task has ended. */
  #settle(): void {
    const { end } = this.#stream
    if (end?.reason === 'Completed') return this.#resolve?.(end.value as Result)
    const { exit } = this.#stream
    if (!exit) return
    if (this.#result) this.#reject?.(toTaskError(exit, this.#stream))
    else if (!this.#isHeard && isSurprising(exit, this.#stream)) {
      // A promise that is rejected and that nobody has: the browser tells of it, unless somebody comes in time.
      void this.#promise()
    }
  }

  #hear(): void {
    this.#isHeard = true
    this.#result?.catch(() => undefined)
  }
}

/** Whether a task failed otherwise than by its user's own wish: who cancels a task or ends the pool knows of it. */
function isSurprising({ data }: MessageExit, { isTaken }: TaskStream): boolean {
  const isWished = data.reason === 'Cancelled' || (data.reason === 'PoolTerminated' && isTaken)
  return data.error && !isWished
}

/** Name and message; of a Python exception the last line, for its message is the whole traceback. */
function summaryOf(thrown: RemoteError): string {
  return thrown.python?.traceback.trim().split('\n').at(-1) ?? `${thrown.name}: ${thrown.message}`
}

function toTaskError({ data }: MessageExit, { traits: { title, hint } }: TaskStream): unknown {
  const { reason, result, taskId, workerId } = data
  if (reason !== 'Threw') return result
  const thrown = result as RemoteError
  const during = thrown.during === undefined ? '' : ` (${thrown.during})`
  return new TaskError({ reason, taskId, workerId }, `\`${title}\` threw ${summaryOf(thrown)}${during}`, {
    hint: WANTING.has(thrown.name) ? hint : undefined,
    cause: thrown,
  })
}

/** What is thrown where something is not there. */
const WANTING = new Set(['TypeError', 'ReferenceError'])
