/** Worker cells: they run in a pool, with copies of what they capture. */

import type { WorkersPool } from '../api/workers-pool.js'
import type { Task } from '../api/task.js'
import type { CellData, Compiled } from './data.js'
import { workerFunction } from './javascript.js'
import type { Names } from './javascript.js'

export interface WorkerOutput {
  display: (...values: unknown[]) => void
  print: (text: string) => void
}

/** Runs a cell in a pool; gives the values of the names in `captured-out`. */
export async function runInWorker(
  pool: WorkersPool,
  file: string,
  cell: CellData,
  compiled: Compiled,
  captured: Names,
  output: WorkerOutput,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const options = { title: `${file}:${cell.firstLine}`, signal }
  const task = (
    cell.language === 'python'
      ? pool.python(pythonSource(cell, compiled), captured, options)
      : pool.run(workerFunction(cell, file, compiled) as never, captured, options)
  ) as Task<Record<string, unknown> | null>
  task.message$.subscribe((message) => {
    if (message.type === 'Log') output.print(message.data.text)
    if (message.type === 'Data') show(message.data.payload, output)
  })
  return (await task) ?? {}
}

function show(payload: unknown, { display }: WorkerOutput): void {
  const { displayed } = (payload ?? {}) as { displayed?: unknown }
  if (Array.isArray(displayed)) display(...(displayed as unknown[]))
  else display(payload)
}

function pythonSource({ capturedIn = [], capturedOut = [] }: CellData, { code }: Compiled): string {
  const before = capturedIn.map((name) => `${name} = args[${JSON.stringify(name)}]`)
  const after = capturedOut.length > 0 ? `{${capturedOut.map((name) => `${JSON.stringify(name)}: ${name}`).join(', ')}}` : 'None'
  return [...before, code, after].join('\n')
}
