/** Bytes on their way between workers. */

import type { Bytes } from '../wire/image.js'

/** Puts bytes where other workers can have them without a copy in each message. */
export function toBytes(content: Uint8Array): Bytes {
  if (!globalThis.crossOriginIsolated) return toBlob(content)
  const shared = new SharedArrayBuffer(content.byteLength)
  new Uint8Array(shared).set(content)
  return shared
}

/** Shared bytes are copied: blobs do not take them. */
export function toBlob(content: Uint8Array | Bytes): Blob {
  if (content instanceof Blob) return content
  const view = content instanceof Uint8Array ? content : new Uint8Array(content)
  return new Blob([view.buffer instanceof ArrayBuffer ? (view as Uint8Array<ArrayBuffer>) : view.slice()])
}

export function sizeOf(bytes: Bytes | null): number {
  if (bytes === null) return 0
  return bytes instanceof Blob ? bytes.size : bytes.byteLength
}

/** A look at bytes; at memory that is shared, where they are. */
export async function viewOf(bytes: Bytes): Promise<Uint8Array> {
  return new Uint8Array(bytes instanceof Blob ? await bytes.arrayBuffer() : bytes)
}

/** A copy of one's own. */
export async function ownCopyOf(bytes: Bytes): Promise<Uint8Array> {
  const view = await viewOf(bytes)
  return bytes instanceof Blob ? view : new Uint8Array(view)
}
