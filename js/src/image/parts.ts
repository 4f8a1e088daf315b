/** From an image as it is kept to what workers boot from. */

import type { Bytes, ImageParts, StoredImage } from '../wire/image.js'
import { toBytes } from './bytes.js'

/** @throws CompileError for side modules that are none. */
export async function partsOf({ libraries, files, memory, stdlib }: StoredImage): Promise<ImageParts> {
  const [modules, content, memoryBytes, stdlibBytes] = await Promise.all([
    Promise.all(libraries.map(({ content }) => compile(content))),
    shared(files.content),
    memory && shared(memory),
    stdlib && shared(stdlib),
  ])
  return {
    libraries: libraries.map(({ path, handles }, index) => ({ path, handles, module: modules[index] as WebAssembly.Module })),
    files: { index: files.index, content },
    memory: memoryBytes,
    stdlib: stdlibBytes,
  }
}

export async function compile(blob: Blob): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await blob.arrayBuffer())
}

const shared = async (blob: Blob): Promise<Bytes> =>
  globalThis.crossOriginIsolated ? toBytes(new Uint8Array(await blob.arrayBuffer())) : blob
