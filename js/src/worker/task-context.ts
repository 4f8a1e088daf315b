/** What a running task can say and hear: the `context` of its arguments. */

import { WorkerKind } from '../wire/protocol.js'
import type { WorkerMessage } from '../wire/protocol.js'
import { toErrorRecord } from '../wire/errors.js'
import { postOr } from './outbox.js'

/** The `context` that a task gets. */
export interface TaskContextApi {
  /** Sends a `Log` message. */
  info(text: string, json?: unknown): void
  /** Sends a `Data` message; `data`'s own fields are also those of the message. */
  sendData(data: unknown): void
  /** Set it to hear what `pool.sendData` sends; what came before it was set comes at once. */
  onData: ((data: unknown) => void) | null
}

/** One per task. After `end` the task is heard no more. */
export class TaskContext {
  readonly taskName: string
  readonly forTask: TaskContextApi
  readonly #taskId: number
  /** Data that nobody has asked for yet. */
  #inbox: unknown[] = []
  #onData: ((data: unknown) => void) | null = null
  #ended = false

  constructor(taskId: number) {
    this.#taskId = taskId
    this.taskName = `t${taskId}`
    const context = this
    this.forTask = {
      info: (text, json) => this.#say([WorkerKind.Log, taskId, String(text), json]),
      sendData: (data) => this.#say([WorkerKind.Data, taskId, data]),
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

  #say(message: WorkerMessage): void {
    if (this.#ended) return
    postOr(message, (error) => [WorkerKind.PostError, this.#taskId, toErrorRecord(error)])
  }
}
