/** Python, as a worker's runtime knows it. What runs it is in `python-runtime.ts`, which workers of the web load if they need it. */

import type { InstallEvent } from '../wire/protocol.js'

/** A running Python, on the global scope under its alias. */
export interface Python {
  /**
   * Runs a source with `args` as the dict `args`; the value of its last expression comes back. When `signal` aborts, what it
   * awaits raises `CancelledError`.
   */
  run(source: string, args: unknown, signal: AbortSignal): Promise<unknown>
  /** Whether the host's interrupts reach Python: they are for the task that runs, and for nothing after it. */
  heedInterrupts(heeded: boolean): void
  /** Sends what was printed without an end of its line. */
  flushOutput(): void
  /**
   * A value as one that can be cloned: a Python object, or one in an array or object, is converted, and released if the task
   * needs it no more.
   * @throws UnclonableError for one that has no JavaScript form.
   */
  toJavaScript(value: unknown, then: 'release' | 'keep'): unknown
}

/** What a worker that starts Python gives it. */
export interface PythonOptions {
  /** The shared byte in which the host interrupts Python, where pages share memory. */
  interrupt: SharedArrayBuffer | undefined
  report: (event: InstallEvent) => void
  /** Where Python's standard output goes, a line at a time. */
  print: (text: string) => void
}

/** An interrupt of asynchronous Python ends its task, and is thrown once more by Python's event loop, to nobody. */
export function isInterrupt(reason: unknown): boolean {
  const { name, type } = (reason ?? {}) as { name?: unknown; type?: unknown }
  return name === 'PythonError' && type === 'KeyboardInterrupt'
}
