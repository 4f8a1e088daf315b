/** The packages of an environment, as files for Pyodide's file system and compiled side modules. */

import { fileOfPackage } from '../environment/pyodide.js'
import type { FilePack, Library } from '../wire/image.js'
import type { PythonSetup } from '../wire/protocol.js'
import { filesOf } from './archive.js'

/** What is in wheels for compilers and editors alone. */
const NEEDLESS = /\.(pyi|pxd|pyx|h|hpp|c|a|f|f90)$/

export interface UnpackedPackages {
  libraries: Library[]
  /** Of the side modules, in the order of `libraries`. */
  libraryFiles: Uint8Array<ArrayBuffer>[]
  index: FilePack['index']
  content: Uint8Array<ArrayBuffer>
}

interface PackageFile {
  path: string
  content: Uint8Array<ArrayBuffer>
}

/**
 * Unpacks the packages of `setup`, in their order.
 * @param sitePackages the folder of packages, in Pyodide's file system.
 * @throws Error that names a package that is more than its files.
 */
export async function unpackPackages(setup: PythonSetup, sitePackages: string): Promise<UnpackedPackages> {
  const unpacked = await Promise.all(setup.packages.map((name) => unpackPackage(setup, name)))
  const files = unpacked.flat().map(({ path, content }) => ({ path: `${sitePackages}/${path}`, content }))
  const isLibrary = ({ path }: PackageFile): boolean => path.endsWith('.so')
  const libraries = files.filter(isLibrary)
  const modules = await Promise.all(libraries.map(({ content }) => WebAssembly.compile(content)))
  return {
    libraries: libraries.map(({ path }, index) => ({ path, module: modules[index] as WebAssembly.Module, handles: [] })),
    libraryFiles: libraries.map(({ content }) => content),
    ...join(files.filter((file) => !isLibrary(file))),
  }
}

async function unpackPackage(setup: PythonSetup, name: string): Promise<PackageFile[]> {
  const fileName = fileOfPackage(setup.lock, name)
  const blob = setup.files[fileName]
  if (!blob || !fileName.endsWith('.whl')) throw new Error(`the package \`${name}\` is no wheel`)
  const files = filesOf(await blob.arrayBuffer()).filter(({ path }) => !NEEDLESS.test(path))
  const data = files.find(({ path }) => /^[^/]+\.data\//.test(path))
  if (data) throw new Error(`the wheel of \`${name}\` has files for other folders, like \`${data.path}\``)
  const unpacked = await Promise.all(files.map(async ({ path, content }) => ({ path, content: await content() })))
  return [...unpacked, ...installerNotes(files.map(({ path }) => path))]
}

/** What `loadPackage` notes beside a package's metadata. */
function installerNotes(paths: string[]): PackageFile[] {
  const metadata = paths.find((path) => /^[^/]+\.dist-info\/METADATA$/.test(path))
  if (metadata === undefined) return []
  const note = (name: string, text: string): PackageFile => {
    return { path: metadata.replace('METADATA', name), content: new TextEncoder().encode(text) }
  }
  return [note('INSTALLER', 'pyodide.loadPackage'), note('PYODIDE_SOURCE', 'pyodide')]
}

function join(files: PackageFile[]): Pick<UnpackedPackages, 'index' | 'content'> {
  const content = new Uint8Array(files.reduce((sum, file) => sum + file.content.byteLength, 0))
  let at = 0
  const index = files.map(({ path, content: part }): FilePack['index'][number] => {
    content.set(part, at)
    at += part.byteLength
    return [path, at - part.byteLength, part.byteLength]
  })
  return { index, content }
}
