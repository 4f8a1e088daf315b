/** What a worker sends, in order. */

import type { WorkerMessage } from '../wire/protocol.js'
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

  constructor(channel: Channel) {
    this.#channel = channel
  }

  get length(): number {
    return this.#gathered.length
  }

  /** Keeps a message for the next batch. It must have nothing in it that changes, or that cannot be cloned. */
  gather(message: WorkerMessage): void {
    this.#gathered.push(message)
  }

  post(...batch: WorkerMessage[]): void {
    this.#gathered.push(...batch)
    this.flush()
  }

  flush(): void {
    if (this.#gathered.length === 0) return
    const batch = this.#gathered
    this.#gathered = []
    this.#channel.post(batch)
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
