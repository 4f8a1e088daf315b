/** A stream of bytes, cut into the frames that stand in it: a length (`u32`, big-endian), and so many bytes. */

import { Buffer } from 'node:buffer'

const LENGTH_BYTES = 4

export class Frames {
  #chunks: Buffer[] = []
  #bytes = 0
  /** How long the frame is that comes; `null` before its length is there. */
  #length: number | null = null

  /** Takes the next bytes; gives the frames that are whole now, without their lengths. */
  take(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= (this.#length ?? LENGTH_BYTES)) {
      if (this.#length === null) {
        this.#length = this.#cut(LENGTH_BYTES).readUInt32BE(0)
      } else {
        frames.push(this.#cut(this.#length))
        this.#length = null
      }
    }
    return frames
  }

  #cut(length: number): Buffer {
    const whole = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#chunks = [whole.subarray(length)]
    this.#bytes -= length
    return whole.subarray(0, length)
  }
}
