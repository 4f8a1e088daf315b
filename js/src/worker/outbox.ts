/** What a worker sends. One `postMessage` is one batch. */

import type { WorkerMessage } from '../wire/protocol.js'

export function post(...batch: WorkerMessage[]): void {
  self.postMessage(batch)
}

/** Sends `message` or, if it cannot be cloned, what `instead` makes of the exception. */
export function postOr(message: WorkerMessage, instead: (error: unknown) => WorkerMessage): void {
  try {
    post(message)
  } catch (error) {
    post(instead(error))
  }
}
