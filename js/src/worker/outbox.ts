/** What a worker sends, in order. */

import type { WorkerMessage } from '../wire/protocol.js'
import { Outcome, WorkerKind } from '../wire/protocol.js'
import type { Channel } from './channel.js'

// A pool may give this name to something else.
const { Float64Array } = globalThis

/** A value on its way to the page. */
export interface Parcel {
  value: unknown
  /** What of it is moved rather than copied. */
  transfer: Transferable[]
  /** The message that has it. */
  wrap: (value: unknown) => WorkerMessage
  /** Gives the value a form that can be cloned, if it has one. */
  convert: (value: unknown) => unknown
  /** The message to send instead if it has none. */
  refuse: (error: unknown) => WorkerMessage
}

/** A task that completed. */
export interface End {
  taskId: number
  /** A primitive: nothing changes it before it is sent. */
  value: unknown
  took_us: number
}

export class Outbox {
  readonly #channel: Channel
  /** Messages that nothing is wrong with, and that are sent with the next. */
  #gathered: WorkerMessage[] = []
  /** Ends of tasks, after those messages. */
  #ends: End[] = []
  #untold = 0

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** How many tasks have ended whose exits are not sent yet. */
  get untold(): number {
    return this.#untold
  }

  /** Keeps a message for the next batch. It must have nothing in it that changes, or that cannot be cloned. */
  gather(message: WorkerMessage): void {
    this.#closeEnds()
    this.#gathered.push(message)
  }

  /** The same for the exit of a task that completed: several become one message. */
  gatherEnd(end: End): void {
    this.#ends.push(end)
    this.#untold += 1
  }

  post(...batch: WorkerMessage[]): void {
    this.#closeEnds()
    this.#gathered.push(...batch)
    this.flush()
  }

  flush(): void {
    this.#closeEnds()
    this.#untold = 0
    if (this.#gathered.length === 0) return
    const batch = this.#gathered
    this.#gathered = []
    this.#channel.post(batch)
  }

  #closeEnds(): void {
    const ends = this.#ends
    if (ends.length === 0) return
    this.#ends = []
    this.#gathered.push(toMessage(ends))
  }

  /** Sends a value as it is, else converted, else the refusal. */
  sendValue({ value, transfer, wrap, convert, refuse }: Parcel): void {
    this.flush()
    try {
      this.#channel.post([wrap(value)], transfer)
    } catch {
      try {
        this.#channel.post([wrap(convert(value))], transfer)
      } catch (error) {
        this.post(refuse(error))
      }
    }
  }
}

function toMessage(ends: End[]): WorkerMessage {
  const [first] = ends
  if (first && ends.length === 1) return [WorkerKind.Exit, first.taskId, Outcome.Completed, first.value, first.took_us]
  const taskIds = Float64Array.from(ends, ({ taskId }) => taskId)
  const took_us = Float64Array.from(ends, ({ took_us }) => took_us)
  return [WorkerKind.Exits, taskIds, ends.map(({ value }) => value), took_us]
}
