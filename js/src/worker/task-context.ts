/** What a running task can say and hear: the `context` of its arguments. */

import { WorkerKind } from '../wire/protocol.js'
import type { WorkerMessage } from '../wire/protocol.js'
import { isErrorRecord, RemoteError, toErrorRecord } from '../wire/errors.js'
import type { WorkerContext } from '../wire/task-input.js'
import { die } from './failures.js'
import type { Outbox } from './outbox.js'

type OnData = ((data: unknown) => void) | null

/** One per task: what the worker knows of it, made as it is needed. After `end` the task is heard no more. */
export class TaskContext {
  readonly #taskId: number
  readonly #outbox: Outbox
  readonly #convert: (value: unknown) => unknown
  #forTask: WorkerContext | null = null
  #abort: AbortController | null = null
  #transfers: WeakMap<object, Transferable[]> | null = null
  /** Data that nobody has asked for yet. */
  #inbox: unknown[] = []
  #onData: OnData = null
  #ended = false

  /** @param convert gives a value a form that can be cloned. */
  constructor(taskId: number, outbox: Outbox, convert: (value: unknown) => unknown) {
    this.#taskId = taskId
    this.#outbox = outbox
    this.#convert = convert
  }

  get forTask(): WorkerContext {
    this.#forTask ??= this.#makeForTask()
    return this.#forTask
  }

  receive(data: unknown): void {
    if (!this.#onData) {
      this.#inbox.push(data)
      return
    }
    try {
      this.#onData(data)
    } catch (error) {
      die(error) // An uncaught error, like that of any callback.
    }
  }

  /** `cause` is why the task's user cancelled it; `undefined` if it ran for too long. */
  abort(cause: unknown): void {
    const reason = isErrorRecord(cause) ? new RemoteError(cause) : cause
    this.#controller().abort(cause === undefined ? new DOMException('the task ran for too long', 'TimeoutError') : reason)
  }

  /** What is moved when `value` is sent. */
  transferOf(value: unknown): Transferable[] {
    return (typeof value === 'object' && value !== null && this.#transfers?.get(value)) || []
  }

  end(): void {
    this.#ended = true
    this.#onData = null
  }

  #makeForTask(): WorkerContext {
    const context = this
    const info = (text: string, json?: unknown): void =>
      context.#say(json, (json) => [WorkerKind.Log, context.#taskId, String(text), json])
    return {
      get signal() {
        return context.#controller().signal
      },
      info,
      progress: (progress, text = '') => info(text, { progress }),
      sendData: (data) => context.#say(data, (data) => [WorkerKind.Data, context.#taskId, data]),
      transfer: (value, list) => {
        context.#transfers ??= new WeakMap()
        context.#transfers.set(value, list)
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

  #controller(): AbortController {
    this.#abort ??= new AbortController()
    return this.#abort
  }

  #listen(handler: OnData): void {
    this.#onData = handler
    if (!handler) return
    const waiting = this.#inbox
    this.#inbox = []
    waiting.forEach((data) => this.receive(data))
  }

  #say(value: unknown, wrap: (value: unknown) => WorkerMessage): void {
    if (this.#ended) return
    const refuse = (error: unknown): WorkerMessage => [WorkerKind.PostError, this.#taskId, toErrorRecord(error)]
    this.#outbox.sendValue({ value, transfer: this.transferOf(value), wrap, convert: this.#convert, refuse })
  }
}
