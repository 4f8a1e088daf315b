/**
 * Pyodide, in a page or a worker, from files that the page has fetched and verified. Pyodide asks for them with `fetch`; while
 * it boots, that is answered from memory, so that it needs no network and no HTTP cache. Only what an image should have made
 * unnecessary comes from the network, and is verified by the browser.
 */

import { packageName } from '../wire/names.js'
import type { InstallEvent, PythonSetup } from '../wire/protocol.js'
import { PermanentInstallError } from './failures.js'

/** Where Pyodide believes its files to be: a name that resolves nowhere, should a request slip through. */
const BASE_URL = 'https://environment.millhand.invalid/'

/** The part of Pyodide's API that is used here. */
export interface Pyodide {
  loadPackage(
    names: string[],
    options: { messageCallback: (text: string) => void; errorCallback: (text: string) => void },
  ): Promise<unknown>
  /** Where each package came from, by its name. */
  readonly loadedPackages: Record<string, string>
  runPython(source: string, options?: { globals: PyProxy; filename: string }): unknown
  setInterruptBuffer(interrupt: Uint8Array): void
  setStdout(options: { write: (bytes: Uint8Array) => number }): void
  makeMemorySnapshot(): Uint8Array
  readonly _module: EmscriptenModule
  toPy(value: unknown): PyProxy
  ffi: { PyProxy: new () => PyProxy }
}

export interface PyProxy {
  readonly type: string
  readonly ndim?: unknown
  item?: () => unknown
  toJs(options: { create_pyproxies: false; dict_converter: (entries: Iterable<[string, unknown]>) => object }): unknown
  destroy(): void
}

/** The part of Emscripten's module that is used here: its dynamic linker and its file system. Private to Pyodide. */
export interface EmscriptenModule {
  FS: {
    mkdirTree(path: string): void
    writeFile(path: string, content: Uint8Array, options?: { canOwn: boolean }): void
    readFile(path: string): Uint8Array
  }
  API: { sitePackages: string }
  LDSO: { loadedLibsByName: Record<string, LoadedLibrary>; loadedLibsByHandle: Record<number, LoadedLibrary> }
  getDylinkMetadata(module: WebAssembly.Module): { neededDynlibs: string[] }
  loadWebAssemblyModule(
    module: WebAssembly.Module,
    flags: { global: boolean; nodelete: boolean; loadAsync: boolean },
    path: string,
    localScope: object,
  ): object
}

export interface LoadedLibrary {
  refcount: number
  name: string
  exports: object
  global: boolean
}

/** How a runtime is started otherwise than from its files. */
export interface BootHooks {
  /** Further options of `loadPyodide`. */
  options: object
  /** The compiled runtime. */
  runtime: WebAssembly.Module
  /** Called once, before the runtime starts. */
  prepare: (module: EmscriptenModule) => void
}

/** A runtime that has the packages of `setup`. One at a time: while it boots, it answers for the scope's `fetch`. */
export async function startPyodide(setup: PythonSetup, report: (event: InstallEvent) => void): Promise<Pyodide> {
  report({ step: 'PythonStarting', version: setup.version, from: 'files' })
  return answeringFetchFrom(setup, async () => {
    const pyodide = await boot(setup, {})
    await loadPackages(pyodide, setup.packages, setup.packages, report)
    return pyodide
  })
}

/** Adds those packages of `setup` to a runtime that are not in it. */
export async function addPackages(pyodide: Pyodide, setup: PythonSetup, report: (event: InstallEvent) => void): Promise<void> {
  const names = missingPackages(pyodide, setup.packages)
  // By url: the runtime knows the lock that it was started with, and no other.
  const urls = names.map((name) => BASE_URL + encodeURIComponent(fileOfPackage(setup.lock, name)))
  await answeringFetchFrom(setup, () => loadPackages(pyodide, names, urls, report))
}

/** Those of `names` that a runtime does not have. */
export function missingPackages(pyodide: Pyodide, names: string[]): string[] {
  const loaded = new Set(Object.keys(pyodide.loadedPackages).map(packageName))
  return names.filter((name) => !loaded.has(packageName(name)))
}

/** The file of a package in a lock. */
export function fileOfPackage(lock: unknown, name: string): string {
  const file = entryInLock(lock, name)?.file_name
  if (typeof file === 'string') return file
  throw new Error(`the lock of this Python names no file for the package \`${name}\``)
}

/** The version of a package in a lock, if that says. */
export function versionOfPackage(lock: unknown, name: string): string | null {
  const version = entryInLock(lock, name)?.version
  return typeof version === 'string' ? version : null
}

function entryInLock(lock: unknown, name: string): { file_name?: unknown; version?: unknown } | undefined {
  const { packages } = (lock ?? {}) as { packages?: Record<string, { file_name?: unknown; version?: unknown }> }
  return packages?.[name]
}

/** A runtime that is started as `hooks` say; its packages are theirs to provide. One at a time, as above. */
export async function startRuntime(setup: PythonSetup, hooks: BootHooks): Promise<Pyodide> {
  return answeringFetchFrom(setup, () => boot(setup, hooks))
}

async function boot({ files, lock }: PythonSetup, hooks: Partial<BootHooks>): Promise<Pyodide> {
  await importFile(files, 'pyodide.asm.js') // It leaves its factory on the global scope, for `loadPyodide`.
  const { loadPyodide } = await importFile(files, 'pyodide.mjs')
  const options = { indexURL: BASE_URL, packageBaseUrl: BASE_URL, lockFileContents: lock, ...hooks.options }
  return withWasmFailures(hooks.runtime, (fail) => {
    const { prepare } = hooks
    return prepare ? beforeRuntime((module) => attemptOr(fail, () => prepare(module)), () => loadPyodide(options)) : loadPyodide(options)
  })
}

interface FactoryScope {
  _createPyodideModule?: (settings: { preRun: ((module: EmscriptenModule) => void)[] }) => unknown
}

/** Has `prepare` called by the runtime that `start` starts: the factory is told of it, as it is called. */
async function beforeRuntime(prepare: (module: EmscriptenModule) => void, start: () => Promise<Pyodide>): Promise<Pyodide> {
  const scope = globalThis as FactoryScope
  const create = scope._createPyodideModule
  if (!create) throw new Error('`pyodide.asm.js` has left no factory')
  scope._createPyodideModule = (settings) => {
    settings.preRun.push(prepare)
    return create(settings)
  }
  try {
    return await start()
  } finally {
    scope._createPyodideModule = create
  }
}

/** The runtime swallows what its hooks throw, and boots for ever then. */
function attemptOr(fail: (cause: unknown) => void, act: () => void): void {
  try {
    act()
  } catch (cause) {
    fail(cause)
    throw cause
  }
}

/**
 * A runtime whose WebAssembly cannot be instantiated only logs so, and would boot for ever: this rejects instead. With a `module`,
 * that is what is instantiated.
 */
async function withWasmFailures<T>(
  module: WebAssembly.Module | undefined,
  act: (fail: (cause: unknown) => void) => Promise<T>,
): Promise<T> {
  const instantiate = WebAssembly.instantiateStreaming
  try {
    return await new Promise<T>((resolve, reject) => {
      WebAssembly.instantiateStreaming = async (source, imports) => {
        try {
          if (module) return { module, instance: await WebAssembly.instantiate(module, imports) }
          return await instantiate(source, imports)
        } catch (error) {
          reject(error)
          throw error
        }
      }
      act(reject).then(resolve, reject)
    })
  } finally {
    WebAssembly.instantiateStreaming = instantiate
  }
}

/** Loads packages by name or url. Pyodide only logs those that do not load. */
export async function loadPackages(
  pyodide: Pyodide,
  names: string[],
  sources: string[],
  report: (event: InstallEvent) => void,
): Promise<void> {
  if (names.length === 0) return
  report({ step: 'PackagesLoading', packages: names })
  const problems: string[] = []
  const errorCallback = (text: string): void => void problems.push(text)
  await pyodide.loadPackage(sources, { messageCallback: () => undefined, errorCallback })
  const missing = missingPackages(pyodide, names)
  if (missing.length === 0) return
  const cause = new Error(`these packages do not load: \`${missing.join('`, `')}\`: ${problems.join('; ')}`)
  throw new PermanentInstallError(undefined, cause)
}

async function importFile(
  files: PythonSetup['files'],
  name: string,
): Promise<{ loadPyodide: (options: object) => Promise<Pyodide> }> {
  const url = URL.createObjectURL(new Blob([blobOf(files, name)], { type: 'text/javascript' }))
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ url)
  } finally {
    URL.revokeObjectURL(url)
  }
}

async function answeringFetchFrom<T>({ files, unfetched = [] }: PythonSetup, act: () => Promise<T>): Promise<T> {
  const fetchOverNetwork = globalThis.fetch
  const answer: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.startsWith(BASE_URL)) return fetchOverNetwork(input, init)
    const name = decodeURIComponent(url.slice(BASE_URL.length))
    const late = unfetched.find((file) => file.name === name)
    // Past the cache: several workers that put the same large file into it are in each other's way.
    if (late) return fetchOverNetwork(late.url, { cache: 'no-store', ...(late.integrity === null ? {} : { integrity: late.integrity }) })
    // The type is looked at even where a compiled runtime takes the file's place.
    const type = name.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream'
    return new Response(blobOf(files, name), { headers: { 'content-type': type } })
  }
  globalThis.fetch = answer
  try {
    return await act()
  } finally {
    // Unless somebody has put another one before it: that one asks this one, which then passes on all but its own.
    if (globalThis.fetch === answer) globalThis.fetch = fetchOverNetwork
  }
}

function blobOf(files: PythonSetup['files'], name: string): Blob {
  const blob = files[name]
  if (!blob) throw new Error(`the environment has no file \`${name}\``)
  return blob
}
