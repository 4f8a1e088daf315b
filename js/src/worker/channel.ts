/** How a worker's messages come and go: through its own scope in a page, a thread's port in Node, the pipes of a process. */

import type { HostMessage, WorkerMessage } from '../wire/protocol.js'

export interface Channel {
  /**
   * Sends a batch; batches arrive in order. What is in `transfer` is moved, where that can be, and copied elsewhere.
   * @throws what says why the batch cannot be cloned; nothing of it was sent then.
   */
  post(batch: WorkerMessage[], transfer?: Transferable[]): void
  /** Hears every batch from now on; to be called once, before anything is awaited. */
  listen(receive: (batch: HostMessage[]) => void): void
}
