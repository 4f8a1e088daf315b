/** What a worker sends. */

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

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** Sends messages as one batch. */
  post(...batch: WorkerMessage[]): void {
    this.#channel.post(batch)
  }

  /** Sends a value as it is, else converted, else the refusal. */
  sendValue({ value, transfer, wrap, convert, refuse }: Parcel): void {
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
