/** Boots Pyodide from the parts of an image: compiled modules and files, and the memory if there is one. */

import type { EmscriptenModule, LoadedLibrary, Pyodide } from '../environment/pyodide.js'
import { startRuntime } from '../environment/pyodide.js'
import type { ImageParts, Library } from '../wire/image.js'
import type { PythonSetup } from '../wire/protocol.js'
import { ownCopyOf, viewOf } from './bytes.js'

/**
 * @param parts with `memory`, Python is as it was when that was taken; without, it starts.
 * @param how further options of `loadPyodide`, and the time after which the boot is taken for one that hangs.
 */
export async function bootFromParts(
  setup: PythonSetup,
  parts: ImageParts,
  runtime: WebAssembly.Module,
  how: { options: object; deadline_ms: number },
): Promise<Pyodide> {
  const [content, memory, files] = await Promise.all([
    ownCopyOf(parts.files.content),
    parts.memory && viewOf(parts.memory),
    filesWithStdlib(setup.files, parts),
  ])
  const prepare = (module: EmscriptenModule): void => {
    for (const [path, offset, size] of parts.files.index) writeFile(module, path, content.subarray(offset, offset + size))
    for (const library of parts.libraries) loadLibrary(module, library)
  }
  const snapshot = memory ? { _loadSnapshot: new Snapshot(memory.buffer as ArrayBuffer, memory.byteOffset, memory.byteLength) } : {}
  const starting = startRuntime({ ...setup, files }, { options: { ...how.options, ...snapshot }, runtime, prepare })
  const pyodide = await withinDeadline(starting, how.deadline_ms)
  if (memory) for (const library of parts.libraries) giveHandles(pyodide._module, library)
  return pyodide
}

async function filesWithStdlib(files: PythonSetup['files'], { stdlib }: ImageParts): Promise<PythonSetup['files']> {
  if (stdlib === null) return files
  return { ...files, 'python_stdlib.zip': stdlib instanceof Blob ? stdlib : new Blob([(await ownCopyOf(stdlib)) as Uint8Array<ArrayBuffer>]) }
}

/** What Pyodide reads a snapshot through. It decodes text in it, which cannot be done in shared memory. */
class Snapshot extends Uint8Array {
  override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
    const part = super.subarray(begin, end) as Uint8Array<ArrayBuffer>
    // The part with an end is the small one, of text; the other one is the memory.
    return end === undefined ? part : new Uint8Array(part)
  }
}

function writeFile({ FS }: EmscriptenModule, path: string, content: Uint8Array): void {
  FS.mkdirTree(path.slice(0, path.lastIndexOf('/')))
  FS.writeFile(path, content, { canOwn: true })
}

/**
 * Loads a side module before the runtime starts. It then has its memory below the heap, so that the same modules in the same order
 * are at the same addresses each time: an image's memory refers to them.
 */
function loadLibrary(module: EmscriptenModule, { path, module: compiled }: Library): void {
  const [needed] = module.getDylinkMetadata(compiled).neededDynlibs
  if (needed !== undefined) throw new Error(`the side module \`${path}\` needs another one, \`${needed}\``)
  const flags = { global: false, nodelete: true, loadAsync: false }
  const exports = module.loadWebAssemblyModule(compiled, flags, path, {})
  const library: LoadedLibrary = { refcount: Infinity, name: path, exports, global: false }
  module.LDSO.loadedLibsByName[path] = library
  // Python looks for the file, and then asks the linker, which knows it.
  writeFile(module, path, new Uint8Array())
}

function giveHandles({ LDSO }: EmscriptenModule, { path, handles }: Library): void {
  const library = LDSO.loadedLibsByName[path]
  if (!library) throw new Error(`the side module \`${path}\` is not there`)
  for (const handle of handles) LDSO.loadedLibsByHandle[handle] = library
}

async function withinDeadline<T>(starting: Promise<T>, deadline_ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Python has not started within ${deadline_ms} ms`)), deadline_ms)
  })
  try {
    return await Promise.race([starting, late])
  } finally {
    clearTimeout(timer)
  }
}
