/**
 * An image as one file, as the command line makes it ahead and pages download it. Gzipped: the size of the index in bytes (32 bits, the
 * lowest first), the index as JSON, and the parts that the index gives the sizes of, in its order.
 */

import type { StoredImage } from '../wire/image.js'

/** What the file's first part says. Sizes are in bytes. */
interface Index {
  key: string
  libraries: { path: string; handles: number[]; bytes: number }[]
  files: { index: StoredImage['files']['index']; bytes: number }
  /** `null`: there is none. */
  memory: number | null
  stdlib: number | null
  /** Why it is but a pack. */
  packBecause: string | null
}

const SIZE_BYTES = 4

/** Not yet gzipped. */
export function toFile(key: string, { libraries, files, memory, stdlib }: StoredImage, packBecause: string | null): Blob {
  const index: Index = {
    key,
    libraries: libraries.map(({ path, handles, content }) => ({ path, handles, bytes: content.size })),
    files: { index: files.index, bytes: files.content.size },
    memory: memory && memory.size,
    stdlib: stdlib && stdlib.size,
    packBecause,
  }
  const json = new TextEncoder().encode(JSON.stringify(index))
  const size = new DataView(new ArrayBuffer(SIZE_BYTES))
  size.setUint32(0, json.byteLength, true)
  const parts = [...libraries.map(({ content }) => content), files.content, memory, stdlib]
  return new Blob([size, json, ...parts.filter((part) => part !== null)])
}

/** @throws Error if the file is not one of an image. */
export async function fromFile(file: Blob): Promise<{ key: string; image: StoredImage; packBecause: string | null }> {
  const whole = await new Response(file.stream().pipeThrough(new DecompressionStream('gzip'))).blob()
  const size = new DataView(await whole.slice(0, SIZE_BYTES).arrayBuffer()).getUint32(0, true)
  let at = SIZE_BYTES
  const next = (bytes: number): Blob => {
    at += bytes
    if (at > whole.size) throw new Error('the file of the image is cut off')
    return whole.slice(at - bytes, at)
  }
  const index = JSON.parse(await next(size).text()) as Index
  const libraries = index.libraries.map(({ path, handles, bytes }) => ({ path, handles, content: next(bytes) }))
  const files = { index: index.files.index, content: next(index.files.bytes) }
  const memory = index.memory === null ? null : next(index.memory)
  const stdlib = index.stdlib === null ? null : next(index.stdlib)
  return { key: index.key, image: { libraries, files, memory, stdlib }, packBecause: index.packBecause }
}
