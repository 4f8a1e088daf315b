/** What a worker sends. One `postMessage` is one batch. */

import type { WorkerMessage } from '../wire/protocol.js'

export function post(...batch: WorkerMessage[]): void {
  self.postMessage(batch)
}

/** Sends `message`, moving what is in `transfer`; if it cannot be cloned, sends what `instead` makes of the exception. */
export function postOr(
  message: WorkerMessage,
  transfer: Transferable[],
  instead: (error: unknown) => WorkerMessage,
): void {
  try {
    self.postMessage([message], transfer)
  } catch (error) {
    post(instead(error))
  }
}
