/** What a worker sends, in order. */

import type { Exit, Exits, WorkerMessage } from '../wire/protocol.js'
import { Outcome, WorkerKind } from '../wire/protocol.js'
import type { Channel } from './channel.js'

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

export class Outbox {
  readonly #channel: Channel
  /** Messages that nothing is wrong with, and that are sent with the next. */
  #gathered: WorkerMessage[] = []
  /** Exits of tasks that completed, after those messages. */
  #exits: Exit[] = []

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** How many messages were gathered. */
  get length(): number {
    return this.#gathered.length + this.#exits.length
  }

  /** Keeps a message for the next batch. It must have nothing in it that changes, or that cannot be cloned. */
  gather(message: WorkerMessage): void {
    this.#closeExits()
    this.#gathered.push(message)
  }

  /** The same for a task's exit: those of tasks that completed become one message. */
  gatherExit(exit: Exit): void {
    if (exit[2] === Outcome.Completed) this.#exits.push(exit)
    else this.gather(exit)
  }

  post(...batch: WorkerMessage[]): void {
    this.#closeExits()
    this.#gathered.push(...batch)
    this.flush()
  }

  flush(): void {
    this.#closeExits()
    if (this.#gathered.length === 0) return
    const batch = this.#gathered
    this.#gathered = []
    this.#channel.post(batch)
  }

  #closeExits(): void {
    const exits = this.#exits
    if (exits.length === 0) return
    this.#gathered.push(exits.length === 1 ? (exits[0] as Exit) : together(exits))
    this.#exits = []
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

function together(exits: Exit[]): Exits {
  const taskIds = Float64Array.from(exits, ([, taskId]) => taskId)
  const took_us = Float64Array.from(exits, ([, , , , took_us]) => took_us)
  return [WorkerKind.Exits, taskIds, exits.map(([, , , value]) => value), took_us]
}
