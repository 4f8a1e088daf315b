/** Worker cells: they run in a pool, with copies of what they capture. */

import type { WorkersPool } from '../api/workers-pool.js'
import type { Task } from '../api/task.js'
import type { CellData, Compiled } from './data.js'
import { sourceOf, workerFunction } from './javascript.js'
import type { Names } from './javascript.js'

export interface WorkerOutput {
  display: (...values: unknown[]) => void
  print: (text: string) => void
}

/** What a worker cell takes along: copies of values, and functions as their sources. */
interface Captured {
  values: Names
  functions: Record<string, string>
}

/** Runs a cell in a pool; gives the values of the names in `captured-out`. */
export async function runInWorker(
  pool: WorkersPool,
  file: string,
  cell: CellData,
  compiled: Compiled,
  names: Names,
  output: WorkerOutput,
  signal: AbortSignal,
): Promise<Names> {
  const captured = capture(names)
  const options = { title: `${file}:${cell.firstLine}`, signal }
  if (cell.language === 'python') {
    const args = { ...captured, code: '\n'.repeat(cell.firstLine - 1) + compiled.code, file, out: cell.capturedOut ?? [] }
    return finish(pool.python<Names>(RUN_PYTHON, args, options), output)
  }
  checkDeclared(cell, compiled)
  const { run, codeLine } = workerFunction(cell, file, compiled, captured.functions)
  try {
    return await finish(pool.run(run as never, captured.values, options) as Task<Names>, output)
  } catch (error) {
    throw inTermsOfThePage(error, file, cell.firstLine - codeLine)
  }
}

/** Tells what the task says while it runs; what it threw itself is the error then, not that a task threw. */
async function finish(task: Task<Names>, output: WorkerOutput): Promise<Names> {
  task.message$.subscribe((message) => {
    if (message.type === 'Log') output.print(message.data.text)
    if (message.type === 'Data') show(message.data.payload, output)
  })
  try {
    return await task
  } catch (error) {
    const { reason, cause } = error as { reason?: unknown; cause?: unknown }
    throw reason === 'Threw' && cause !== undefined ? cause : error
  }
}

function show(payload: unknown, { display }: WorkerOutput): void {
  const { displayed } = (payload ?? {}) as { displayed?: unknown }
  if (Array.isArray(displayed)) display(...(displayed as unknown[]))
  else display(payload)
}

function capture(names: Names): Captured {
  const values: Names = {}
  const functions: Record<string, string> = {}
  for (const [name, value] of Object.entries(names)) {
    if (isPythonObject(value)) values[name] = value.toJs({ dict_converter: Object.fromEntries })
    else if (typeof value === 'function') functions[name] = sourceOf(name, value)
    else values[name] = value
  }
  return { values, functions }
}

interface PythonObject {
  toJs: (options: object) => unknown
}

function isPythonObject(value: unknown): value is PythonObject {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject && typeof (value as { toJs?: unknown }).toJs === 'function'
}

function checkDeclared({ capturedIn = [], capturedOut = [] }: CellData, { declares }: Compiled): void {
  const known = [...capturedIn, ...declares.map(({ name }) => name)]
  const missing = capturedOut.find((name) => !known.includes(name))
  if (missing !== undefined) throw new ReferenceError(`\`${missing}\` is in \`captured-out\`, and the cell does not declare it`)
}

/** The worker knows the cell as a function of its own: its lines become those of the page's file. */
function inTermsOfThePage(error: unknown, file: string, offset: number): unknown {
  if (!(error instanceof Error) || !error.stack) return error
  const stack = error.stack.replace(/\S*?millhand\/function-\d+\.js:(\d+):(\d+)/g, (_, line: string, column: string) => {
    return `${encodeURI(file)}:${Number(line) + offset}:${column}`
  })
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return error
}

/** Runs a cell as Python's own source, so that its tracebacks name the page's file and lines. */
const RUN_PYTHON = `
from pyodide.code import eval_code_async, run_js

def display(*values):
    for value in values:
        print(value if isinstance(value, str) else repr(value))

def to_python(value):
    return value.to_py() if hasattr(value, "to_py") else value

def from_python(name):
    if name not in names:
        raise NameError(f"\`{name}\` is in \`captured-out\`, and the cell does not set it")
    value = names[name]
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value

names = {"__name__": "__main__", "display": display}
names |= {name: run_js(f"({source})") for name, source in args["functions"].items()}
names |= {name: to_python(value) for name, value in args["values"].items()}
value = await eval_code_async(args["code"], globals=names, filename=args["file"])
if value is not None:
    display(value)
{name: from_python(name) for name in args["out"]}
`
