/**
 * Makes images, in a worker of its own that ends afterwards. It starts Python as a worker would, imports the packages, and takes the
 * memory; where that cannot be, it makes a pack. An image that was made ahead it takes from its file.
 */

import type { Pyodide } from '../environment/pyodide.js'
import type { BuildNews, BuildOrder, ImageFile, ImageParts, ImageSource, Library, PythonImage, StoredImage } from '../wire/image.js'
import type { PythonSetup } from '../wire/protocol.js'
import { bootFromParts } from './boot.js'
import { withBytecode } from './bytecode.js'
import { toBlob, toBytes } from './bytes.js'
import { fromFile } from './file.js'
import type { UnpackedPackages } from './packages.js'
import { unpackPackages } from './packages.js'
import { compile, partsOf } from './parts.js'
import { ImageStore } from './store.js'

/** Workers that wait for the image boot from files then. */
const DEADLINE_MS = 60_000

export function startBuilder(): void {
  self.addEventListener('message', ({ data }: MessageEvent<BuildOrder>) => void carryOut(data), { once: true })
}

async function carryOut(order: BuildOrder): Promise<void> {
  const { source } = order
  try {
    const { image, packBecause, stored } = await ('file' in source ? read(source, order.key) : build(source))
    tell({ step: 'Built', image, packBecause })
    tell({ step: 'Kept', notBecause: await reasonOf(() => keep(order, stored())) })
  } catch (cause) {
    tell({ step: 'Failed', reason: textOf(cause) })
  }
}

const tell = (news: BuildNews): void => self.postMessage(news)

interface Built {
  image: PythonImage
  packBecause: string | null
  /** As it is kept: not made before workers have the image. */
  stored: () => StoredImage
}

/** The hash of the file was checked: it is what the manifest says, of whose making it is. */
async function read({ file, runtime }: ImageFile, key: string): Promise<Built> {
  const [{ key: found, image: stored, packBecause }, compiled] = await Promise.all([fromFile(file), compile(runtime)])
  if (found !== key) throw new Error('the file has the image of another environment')
  return { image: { ...(await partsOf(stored)), runtime: compiled }, packBecause, stored: () => stored }
}

async function build({ python, imports }: ImageSource): Promise<Built> {
  const sitePackages = sitePackagesOf(python.lock)
  const [runtime, packages] = await Promise.all([compileRuntime(python), unpackPackages(python, sitePackages)])
  const { libraries, index, content } = packages
  const files = { index, content: toBytes(content) }
  const unstarted: ImageParts = { libraries, files, memory: null, stdlib: null }
  const pyodide = await bootFromParts(python, unstarted, runtime, {
    options: { _makeSnapshot: true },
    deadline_ms: DEADLINE_MS,
  })
  const finish = (parts: ImageParts, packBecause: string | null): Built => {
    return { image: { ...parts, runtime }, packBecause, stored: () => storedForm(parts, packages) }
  }
  try {
    importAll(pyodide, imports)
    const memory = toBytes(takeMemory(pyodide))
    const withHandles = libraries.map((library) => ({ ...library, handles: handlesOf(pyodide, library) }))
    return finish({ ...unstarted, libraries: withHandles, memory }, null)
  } catch (cause) {
    const { stdlib, ...more } = withBytecode(pyodide, packages, sitePackages)
    const pack = { ...unstarted, files: { index: more.index, content: toBytes(more.content) }, stdlib: toBytes(stdlib) }
    return finish(pack, textOf(cause))
  }
}

async function compileRuntime({ files }: PythonSetup): Promise<WebAssembly.Module> {
  const name = 'pyodide.asm.wasm'
  const blob = files[name]
  if (!blob) throw new Error(`the environment has no file \`${name}\``)
  return compile(blob)
}

/** Where Pyodide has packages: its lock tells the version of Python. */
function sitePackagesOf(lock: unknown): string {
  const { info } = (lock ?? {}) as { info?: { python?: unknown } }
  const version = /^\d+\.\d+/.exec(String(info?.python))?.[0]
  if (version === undefined) throw new Error('the lock does not tell the version of Python')
  return `/lib/python${version}/site-packages`
}

function importAll(pyodide: Pyodide, imports: string[]): void {
  for (const name of imports) {
    try {
      pyodide.runPython(`import ${name}`, { globals: pyodide.toPy({}), filename: 'millhand' })
    } catch (cause) {
      throw new Error(`\`import ${name}\` failed: ${textOf(cause)}`, { cause })
    }
  }
}

/** Pyodide lists the packages that it finds, and takes a snapshot only as long as the list is empty. */
function takeMemory(pyodide: Pyodide): Uint8Array {
  for (const name of Object.keys(pyodide.loadedPackages)) delete pyodide.loadedPackages[name]
  return pyodide.makeMemorySnapshot()
}

function handlesOf(pyodide: Pyodide, { path }: Library): number[] {
  const { loadedLibsByHandle } = pyodide._module.LDSO
  return Object.entries(loadedLibsByHandle).flatMap(([handle, { name }]) => (name === path ? [Number(handle)] : []))
}

function storedForm({ libraries, files, memory, stdlib }: ImageParts, { libraryFiles }: UnpackedPackages): StoredImage {
  return {
    libraries: libraries.map(({ path, handles }, index) => {
      return { path, handles, content: toBlob(libraryFiles[index] as Uint8Array) }
    }),
    files: { index: files.index, content: toBlob(files.content) },
    memory: memory && toBlob(memory),
    stdlib: stdlib && toBlob(stdlib),
  }
}

async function keep(order: BuildOrder, image: StoredImage): Promise<void> {
  const store = await ImageStore.open()
  await store.put(order, image)
}

async function reasonOf(act: () => Promise<void>): Promise<string | null> {
  try {
    await act()
    return null
  } catch (cause) {
    return textOf(cause)
  }
}

/** The last line: of an exception of Python, the lines before are its traceback. */
const textOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).trim().split('\n').at(-1) ?? ''
