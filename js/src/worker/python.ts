/**
 * Pyodide in this worker, from files that the page has fetched and verified. Pyodide asks for them with `fetch`; while
 * it boots, that is answered from memory, so that a worker needs no network and no HTTP cache.
 */

import type { PythonSetup } from '../wire/protocol.js'
import type { InstallOptions } from './environment.js'

/** Where Pyodide believes its files to be: a name that resolves nowhere, should a request slip through. */
const BASE_URL = 'https://environment.millhand.invalid/'

/** A running Python, on the global scope under its alias. */
export interface Python {
  /** Runs a source with `args` as the dict `args`; the value of its last expression comes back. */
  run(source: string, args: unknown): Promise<unknown>
  /** Forgets an interrupt that has not hit anything. */
  clearInterrupt(): void
  /** A task's result as a value that can be cloned; a Python object is converted, and released. */
  toJavaScript(result: unknown): unknown
}

/** The part of Pyodide's API that is used here. */
interface Pyodide {
  loadPackage(names: string[], options: { messageCallback: (text: string) => void }): Promise<unknown>
  runPythonAsync(source: string, options: { globals: PyProxy }): Promise<unknown>
  setInterruptBuffer(interrupt: Uint8Array): void
  setStdout(options: { batched: (text: string) => void }): void
  toPy(value: unknown): PyProxy
  ffi: { PyProxy: new () => PyProxy }
}

interface PyProxy {
  readonly type: string
  readonly ndim?: unknown
  item?: () => unknown
  toJs(options: { create_pyproxies: false; dict_converter: (entries: Iterable<[string, unknown]>) => object }): unknown
  destroy(): void
}

export async function startPython(setup: PythonSetup, options: InstallOptions): Promise<Python> {
  const { interrupt, report, print } = options
  report({ step: 'PythonStarting', version: setup.version })
  const restoreFetch = answerFetchFrom(setup.files)
  try {
    const pyodide = await boot(setup)
    if (setup.packages.length > 0) {
      report({ step: 'PackagesLoading', packages: setup.packages })
      await pyodide.loadPackage(setup.packages, { messageCallback: () => undefined })
    }
    pyodide.setStdout({ batched: print })
    const signals = interrupt && new Uint8Array(interrupt)
    if (signals) pyodide.setInterruptBuffer(signals)
    Object.assign(globalThis, { [setup.alias]: pyodide })
    return {
      run: (source, args) => run(pyodide, source, args),
      clearInterrupt: () => signals?.fill(0),
      toJavaScript: (result) => toJavaScript(result, pyodide),
    }
  } finally {
    restoreFetch()
  }
}

async function boot({ files, lock }: PythonSetup): Promise<Pyodide> {
  await importFile(files, 'pyodide.asm.js') // It leaves its factory on the global scope, for `loadPyodide`.
  const { loadPyodide } = await importFile(files, 'pyodide.mjs')
  const options = { indexURL: BASE_URL, packageBaseUrl: BASE_URL, lockFileContents: lock }
  return withWasmFailures(() => loadPyodide(options))
}

/** A runtime whose WebAssembly cannot be instantiated only logs so, and would boot for ever: this rejects instead. */
async function withWasmFailures<T>(act: () => Promise<T>): Promise<T> {
  const instantiate = WebAssembly.instantiateStreaming
  try {
    return await new Promise<T>((resolve, reject) => {
      WebAssembly.instantiateStreaming = async (source, imports) => {
        try {
          return await instantiate(source, imports)
        } catch (error) {
          reject(error)
          throw error
        }
      }
      act().then(resolve, reject)
    })
  } finally {
    WebAssembly.instantiateStreaming = instantiate
  }
}

async function run(pyodide: Pyodide, source: string, args: unknown): Promise<unknown> {
  const globals = pyodide.toPy({ args: args ?? {} })
  try {
    return await pyodide.runPythonAsync(source, { globals })
  } finally {
    globals.destroy()
  }
}

async function importFile(
  files: PythonSetup['files'],
  name: string,
): Promise<{ loadPyodide: (options: object) => Promise<Pyodide> }> {
  const url = URL.createObjectURL(new Blob([blobOf(files, name)], { type: 'text/javascript' }))
  try {
    return await import(url)
  } finally {
    URL.revokeObjectURL(url)
  }
}

function answerFetchFrom(files: PythonSetup['files']): () => void {
  const fetchOverNetwork = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.startsWith(BASE_URL)) return fetchOverNetwork(input, init)
    const name = decodeURIComponent(url.slice(BASE_URL.length))
    const type = name.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream'
    return new Response(blobOf(files, name), { headers: { 'content-type': type } })
  }
  return () => {
    globalThis.fetch = fetchOverNetwork
  }
}

function blobOf(files: PythonSetup['files'], name: string): Blob {
  const blob = files[name]
  if (!blob) throw new Error(`the environment has no file \`${name}\``)
  return blob
}

function toJavaScript(result: unknown, pyodide: Pyodide): unknown {
  if (!(result instanceof pyodide.ffi.PyProxy)) return result
  try {
    // A NumPy scalar knows its Python value.
    if (result.ndim === 0 && result.item) return result.item()
    return result.toJs({ create_pyproxies: false, dict_converter: Object.fromEntries })
  } catch (cause) {
    throw new DOMException(
      `the result is a Python \`${result.type}\`, which has no JavaScript form: return numbers, strings, lists, ` +
        `dicts or arrays instead (${cause instanceof Error ? cause.message.trim().split('\n').at(-1) : String(cause)})`,
      'DataCloneError',
    )
  } finally {
    result.destroy()
  }
}
