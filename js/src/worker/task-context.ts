/** What a running task can say and hear: the `context` of its arguments. */

import { WorkerKind } from '../wire/protocol.js'
import type { WorkerMessage } from '../wire/protocol.js'
import { toErrorRecord } from '../wire/errors.js'
import { postOr } from './outbox.js'

/** The `context` that a task gets. */
export interface TaskContextApi {
  /** Aborted when the task is cancelled or has run for too long; the task then has a little time to end. */
  readonly signal: AbortSignal
  /** Sends a `Log` message. */
  info(text: string, json?: unknown): void
  /** Sends how far the task is, from 0 to 1, as a `Log` message whose `json` is `{ progress: fraction }`. */
  progress(fraction: number, text?: string): void
  /** Sends a `Data` message; `data`'s own fields are also those of the message. */
  sendData(data: unknown): void
  /** Marks what of `value` is moved rather than copied when it is sent or returned; gives `value` back. */
  transfer<T extends object>(value: T, list: Transferable[]): T
  /** Set it to hear what `pool.sendData` sends; what came before it was set comes at once. */
  onData: ((data: unknown) => void) | null
}

/** One per task. After `end` the task is heard no more. */
export class TaskContext {
  readonly taskName: string
  readonly forTask: TaskContextApi
  readonly #taskId: number
  readonly #abort = new AbortController()
  readonly #transfers = new WeakMap<object, Transferable[]>()
  /** Data that nobody has asked for yet. */
  #inbox: unknown[] = []
  #onData: ((data: unknown) => void) | null = null
  #ended = false

  constructor(taskId: number) {
    this.#taskId = taskId
    this.taskName = `t${taskId}`
    const context = this
    this.forTask = {
      signal: this.#abort.signal,
      info: (text, json) => this.#say([WorkerKind.Log, taskId, String(text), json]),
      progress: (fraction, text = '') => this.#say([WorkerKind.Log, taskId, String(text), { progress: fraction }]),
      sendData: (data) => this.#say([WorkerKind.Data, taskId, data], this.transferOf(data)),
      transfer: (value, list) => {
        this.#transfers.set(value, list)
        return value
      },
      get onData() {
        return context.#onData
      },
      set onData(handler) {
        context.#listen(handler)
      },
    }
  }

  receive(data: unknown): void {
    if (this.#onData) this.#onData(data)
    else this.#inbox.push(data)
  }

  /** `cause` is why the task's user cancelled it; `undefined` if it ran for too long. */
  abort(cause: unknown): void {
    this.#abort.abort(cause === undefined ? new DOMException('the task ran for too long', 'TimeoutError') : cause)
  }

  /** What is moved when `value` is sent. */
  transferOf(value: unknown): Transferable[] {
    return (typeof value === 'object' && value !== null && this.#transfers.get(value)) || []
  }

  end(): void {
    this.#ended = true
    this.#listen(null)
  }

  #listen(handler: ((data: unknown) => void) | null): void {
    this.#onData = handler
    if (!handler) return
    const waiting = this.#inbox
    this.#inbox = []
    waiting.forEach((data) => handler(data))
  }

  #say(message: WorkerMessage, transfer: Transferable[] = []): void {
    if (this.#ended) return
    postOr(message, transfer, (error) => [WorkerKind.PostError, this.#taskId, toErrorRecord(error)])
  }
}
