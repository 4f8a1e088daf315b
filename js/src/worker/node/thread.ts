/** A thread's channel: its parent's port. */

import { parentPort } from 'node:worker_threads'
import type { TransferListItem } from 'node:worker_threads'
import type { HostMessage } from '../../wire/protocol.js'
import type { Channel } from '../channel.js'

/** @throws where this is no thread. */
export function threadChannel(): Channel {
  const port = parentPort
  if (!port) throw new Error('`millhand/worker` is for threads that a pool starts')
  return {
    post: (batch, transfer = []) => port.postMessage(batch, transfer as TransferListItem[]),
    listen: (receive) => port.on('message', (batch: HostMessage[]) => receive(batch)),
  }
}
