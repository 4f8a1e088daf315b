/** What a running task can say and hear: the `context` of its arguments. */

import { WorkerKind } from '../wire/protocol.js'
import type { WorkerMessage } from '../wire/protocol.js'
import { isErrorRecord, RemoteError, toErrorRecord } from '../wire/errors.js'
import type { WorkerContext } from '../wire/task-input.js'
import { taskName } from '../wire/names.js'
import type { Outbox } from './outbox.js'

/** One per task. After `end` the task is heard no more. */
export class TaskContext {
  readonly taskName: string
  readonly forTask: WorkerContext
  readonly #taskId: number
  readonly #convert: (value: unknown) => unknown
  readonly #outbox: Outbox
  readonly #abort = new AbortController()
  readonly #transfers = new WeakMap<object, Transferable[]>()
  /** Data that nobody has asked for yet. */
  #inbox: unknown[] = []
  #onData: ((data: unknown) => void) | null = null
  #ended = false

  /** @param convert gives a value a form that can be cloned. */
  constructor(taskId: number, outbox: Outbox, convert: (value: unknown) => unknown) {
    this.#taskId = taskId
    this.#outbox = outbox
    this.#convert = convert
    this.taskName = taskName(taskId)
    const context = this
    this.forTask = {
      signal: this.#abort.signal,
      info: (text, json) => this.#say(json, (json) => [WorkerKind.Log, taskId, String(text), json]),
      progress: (progress, text = '') => this.forTask.info(text, { progress }),
      sendData: (data) => this.#say(data, (data) => [WorkerKind.Data, taskId, data]),
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
    const reason = isErrorRecord(cause) ? new RemoteError(cause) : cause
    this.#abort.abort(cause === undefined ? new DOMException('the task ran for too long', 'TimeoutError') : reason)
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

  #say(value: unknown, wrap: (value: unknown) => WorkerMessage): void {
    if (this.#ended) return
    const refuse = (error: unknown): WorkerMessage => [WorkerKind.PostError, this.#taskId, toErrorRecord(error)]
    this.#outbox.sendValue({ value, transfer: this.transferOf(value), wrap, convert: this.#convert, refuse })
  }
}
