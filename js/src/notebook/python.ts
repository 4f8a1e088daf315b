/** Python cells: they run in the page's Pyodide, and share names with JavaScript cells. */

import type { CellData, Compiled } from './data.js'
import type { Accessor } from './scope.js'
import type { Names } from './javascript.js'

/** What of Pyodide is used here. */
export interface Pyodide {
  globals: { get: (name: string) => unknown; set: (name: string, value: unknown) => void; has: (name: string) => boolean }
  runPythonAsync: (source: string, options: { filename: string }) => Promise<unknown>
  setStdout: (options: { batched: (text: string) => void }) => void
  setStderr: (options: { batched: (text: string) => void }) => void
}

export interface PythonRun {
  value: unknown
  declared: Record<string, Accessor>
}

/** Runs a cell with `names` among Python's globals; gives the value of its last expression, and what it declared. */
export async function runPython(
  pyodide: Pyodide,
  file: string,
  cell: CellData,
  { code, declares }: Compiled,
  names: Names,
  print: (text: string) => void,
): Promise<PythonRun> {
  const { globals } = pyodide
  for (const [name, value] of Object.entries(names)) globals.set(name, value)
  pyodide.setStdout({ batched: print })
  pyodide.setStderr({ batched: print })
  // Python counts lines from the beginning of what it is given.
  const source = '\n'.repeat(cell.firstLine - 1) + code
  const value = await pyodide.runPythonAsync(source, { filename: file })
  const declared = declares.filter(({ name }) => globals.has(name)).map(({ name }) => [name, accessorOf(globals, name)] as const)
  return { value, declared: Object.fromEntries(declared) }
}

function accessorOf(globals: Pyodide['globals'], name: string): Accessor {
  let value = globals.get(name)
  return [
    () => value,
    (next) => {
      value = next
      globals.set(name, next)
    },
  ]
}
