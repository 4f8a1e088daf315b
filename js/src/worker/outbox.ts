/** What a worker sends. One `postMessage` is one batch. */

import type { WorkerMessage } from '../wire/protocol.js'

export function post(...batch: WorkerMessage[]): void {
  self.postMessage(batch)
}

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

/** Sends a value as it is, else converted, else the refusal. */
export function sendValue({ value, transfer, wrap, convert, refuse }: Parcel): void {
  try {
    self.postMessage([wrap(value)], transfer)
  } catch {
    try {
      self.postMessage([wrap(convert(value))], transfer)
    } catch (error) {
      post(refuse(error))
    }
  }
}
