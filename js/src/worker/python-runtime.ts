/** Python in this worker: it runs sources, prints, is interrupted, and its values are made JavaScript's. */

import type { PyProxy, Pyodide } from '../environment/pyodide.js'
import type { PythonImage } from '../wire/image.js'
import type { InstallEvent, PythonSetup } from '../wire/protocol.js'
import { UnclonableError } from './failures.js'
import { Lines } from './lines.js'
import type { Python, PythonOptions } from './python.js'

/** How a runtime with the packages of a setup is started. */
export interface Starters {
  fromFiles: (setup: PythonSetup, report: (event: InstallEvent) => void) => Promise<Pyodide>
  /** `null` where there are no images. */
  fromImage: ((setup: PythonSetup, image: PythonImage) => Promise<Pyodide>) | null
}

/** An `asyncio.Task`. */
interface PyTask extends PyProxy, PromiseLike<unknown> {
  cancel(): void
  copy(): PyTask
}

export async function startPython(starters: Starters, setup: PythonSetup, options: PythonOptions): Promise<Python> {
  const { interrupt, report, print } = options
  const pyodide = await boot(starters, setup, report)
  // Without interrupts it has memory of its own: Python that looks for them calls JavaScript now and then, and WebKit ends no
  // worker that stays within WebAssembly.
  const unheeded = new Uint8Array(1)
  const shared = interrupt ? new Uint8Array(interrupt) : unheeded
  const heedInterrupts = (heeded: boolean): void => pyodide.setInterruptBuffer(heeded ? shared : unheeded)
  heedInterrupts(false)
  Object.assign(globalThis, { [setup.alias]: pyodide })
  return {
    run: runnerOf(pyodide, heedInterrupts),
    heedInterrupts,
    flushOutput: captureOutput(pyodide, print),
    toJavaScript: (value, then) => new Conversion(pyodide, then).convert(value),
  }
}

/** From the image if there is one, else from its files alone, without the memory; if that fails too, as without an image. */
async function boot(
  { fromFiles, fromImage }: Starters,
  { image, ...setup }: PythonSetup,
  report: (event: InstallEvent) => void,
): Promise<Pyodide> {
  if (!image || !fromImage) return fromFiles(setup, report)
  const ways = image.memory ? [image, { ...image, memory: null }] : [image]
  for (const [index, way] of ways.entries()) {
    report({ step: 'PythonStarting', version: setup.version, from: way.memory ? 'image' : 'pack' })
    try {
      return await fromImage(setup, way)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      report({ step: 'ImageUnavailable', reason, instead: index + 1 < ways.length ? 'pack' : 'files' })
    }
  }
  return fromFiles(setup, report)
}

/** Sends what Python prints, a line at a time; the function that it gives sends the rest of the last line. */
function captureOutput(pyodide: Pyodide, print: (text: string) => void): () => void {
  const decoder = new TextDecoder()
  const lines = new Lines()
  const write = (bytes: Uint8Array): number => {
    lines.take(decoder.decode(bytes, { stream: true })).forEach(print)
    return bytes.length
  }
  pyodide.setStdout({ write })
  const flush = pyodide.runPython('import sys\nsys.stdout.flush') as () => void
  return () => {
    try {
      flush()
    } catch {
      // The task has closed its standard output: there is nothing to flush.
    }
    const rest = lines.takeRest()
    if (rest !== '') print(rest)
  }
}

/**
 * Runs a source as an `asyncio` task: that can be cancelled while it waits, where interrupts do not reach it. They are heeded
 * within the source alone: one that hit the event loop as it starts a task would leave that to run in the time of another.
 */
const START_TASK = `
import asyncio
from pyodide.code import eval_code_async

async def run(source, globals, heed_interrupts):
    heed_interrupts(True)
    try:
        return await eval_code_async(source, globals=globals)
    finally:
        heed_interrupts(False)

lambda *args: asyncio.ensure_future(run(*args))`

type StartTask = (source: string, globals: PyProxy, heedInterrupts: (heeded: boolean) => void) => PyTask

function runnerOf(pyodide: Pyodide, heedInterrupts: (heeded: boolean) => void): Python['run'] {
  const options = { globals: pyodide.toPy({}), filename: 'millhand' }
  const start = pyodide.runPython(START_TASK, options) as StartTask
  return async (source, args, signal) => {
    signal.throwIfAborted()
    heedInterrupts(false)
    const globals = pyodide.toPy({ args: args ?? {} })
    const task = start(source, globals, heedInterrupts)
    const cancel = (): void => {
      // It has heard, and has what it needs to end: it is not to be interrupted besides.
      heedInterrupts(false)
      task.cancel()
    }
    signal.addEventListener('abort', cancel)
    try {
      // Awaiting a proxy destroys it.
      return await task.copy()
    } finally {
      signal.removeEventListener('abort', cancel)
      task.destroy()
      globals.destroy()
    }
  }
}

/** One value's way to JavaScript. What occurs in it twice is converted once. */
class Conversion {
  readonly #pyodide: Pyodide
  readonly #then: 'release' | 'keep'
  readonly #converted = new Map<object, unknown>()

  constructor(pyodide: Pyodide, then: 'release' | 'keep') {
    this.#pyodide = pyodide
    this.#then = then
  }

  convert(value: unknown): unknown {
    if (value instanceof this.#pyodide.ffi.PyProxy) return this.#once(value, () => this.#proxy(value))
    if (Array.isArray(value)) {
      const copy: unknown[] = []
      return this.#filled(value, copy, () => value.forEach((member) => copy.push(this.convert(member))))
    }
    if (!isPlainObject(value)) return value
    const copy: Record<string, unknown> = {}
    return this.#filled(value, copy, () => {
      for (const [key, member] of Object.entries(value)) copy[key] = this.convert(member)
    })
  }

  #once(value: object, convert: () => unknown): unknown {
    if (!this.#converted.has(value)) this.#converted.set(value, convert())
    return this.#converted.get(value)
  }

  /** The copy of a container, known before it is filled: it may contain itself. */
  #filled(value: object, copy: object, fill: () => void): unknown {
    if (this.#converted.has(value)) return this.#converted.get(value)
    this.#converted.set(value, copy)
    fill()
    return copy
  }

  #proxy(proxy: PyProxy): unknown {
    try {
      // A NumPy scalar knows its Python value.
      if (proxy.ndim === 0 && proxy.item) return this.convert(proxy.item())
      return proxy.toJs({ create_pyproxies: false, dict_converter: Object.fromEntries })
    } catch (cause) {
      if (cause instanceof UnclonableError) throw cause
      const why = cause instanceof Error ? cause.message.trim().split('\n').at(-1) : String(cause)
      throw new UnclonableError(
        `a Python \`${proxy.type}\` has no JavaScript form: use numbers, strings, lists, dicts or arrays instead (${why})`,
      )
    } finally {
      if (this.#then === 'release') proxy.destroy()
    }
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
