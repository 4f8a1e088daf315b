/**
 * A process's channel: on two descriptors, frames of a length (`u32`, big-endian) and a batch in the codec's form. Its standard input
 * and output are no part of it.
 */

import { Buffer } from 'node:buffer'
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import process from 'node:process'
import type { HostMessage, WorkerMessage } from '../../wire/protocol.js'
import type { Channel } from '../channel.js'
import { UnclonableError } from '../failures.js'
import { Frames } from './frames.js'

/** Gives batches a form in which they can leave the process. */
export interface Codec {
  /** @throws TypeError that says what cannot be sent. */
  encode(batch: WorkerMessage[]): Uint8Array
  /** The batches that stand in `bytes`. */
  decode(bytes: Uint8Array): HostMessage[][]
}

/** Descriptors. */
export interface ProcessPipes {
  input: number
  /** In blocking mode. */
  output: number
}

/** The gateway's frames are no larger. */
const MAX_BATCH_BYTES = 32 * 1024 * 1024 - 1024

/** When the input ends or nobody takes the output, whoever started this process is gone: it ends, whatever it does. */
export function processChannel({ input, output }: ProcessPipes, codec: Codec): Channel {
  return {
    // It waits while nobody takes what is sent: so does the task, and nothing grows.
    post: (batch) => writeAll(output, frameOf(encode(batch, codec))),
    listen: (receive) => {
      const frames = new Frames()
      const socket = new Socket({ fd: input, readable: true, writable: false })
      socket.on('data', (chunk) => {
        for (const frame of frames.take(chunk)) codec.decode(frame).forEach(receive)
      })
      socket.on('close', end)
    },
  }
}

function encode(batch: WorkerMessage[], codec: Codec): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = codec.encode(batch)
  } catch (error) {
    throw new UnclonableError(error instanceof Error ? error.message : String(error))
  }
  if (bytes.length <= MAX_BATCH_BYTES) return bytes
  const most = MAX_BATCH_BYTES.toLocaleString('en')
  throw new UnclonableError(
    `a message of ${bytes.length.toLocaleString('en')} bytes is larger than a remote worker can send (${most})`,
  )
}

function frameOf(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + bytes.length)
  frame.writeUInt32BE(bytes.length)
  frame.set(bytes, 4)
  return frame
}

function writeAll(output: number, frame: Buffer): void {
  try {
    for (let at = 0; at < frame.length; ) at += writeSync(output, frame, at)
  } catch {
    end()
  }
}

/** Not by `process.exit`: that calls what a task may have set, and this process's last words. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}
