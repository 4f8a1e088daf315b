/** Makes a worker's environment: Python, then globals, then the post-install tasks, in this order. */

import type { GlobalRecord, InstallEvent, PostInstallRecord, WorkerSetup } from '../wire/protocol.js'
import { PermanentInstallError } from './failures.js'
import { compileSource } from './functions.js'
import type { Python } from './python.js'
import { startPython } from './python.js'
import { TaskContext } from './task-context.js'

export interface InstallOptions {
  workerId: string
  /** The shared byte in which the host interrupts Python, where pages share memory. */
  interrupt: SharedArrayBuffer | undefined
  report: (event: InstallEvent) => void
  /** Where Python's standard output goes, a line at a time. */
  print: (text: string) => void
}

export async function installEnvironment(setup: WorkerSetup, options: InstallOptions): Promise<Python | null> {
  options.report({ step: 'WorkerBooted' })
  const python = setup.python ? await startPython(setup.python, options) : null
  for (const record of setup.globals) await permanently(`the global \`${record.name}\``, () => setGlobal(record))
  for (const task of setup.postInstallTasks) {
    await permanently(`the post-install task \`${task.title}\``, () => runPostInstallTask(task, options))
  }
  return python
}

async function setGlobal(record: GlobalRecord): Promise<void> {
  const value =
    'source' in record ? await compileSource(record.source, `millhand/global-${record.name}.js`) : record.value
  Object.defineProperty(globalThis, record.name, { value, configurable: true, writable: true, enumerable: true })
}

async function runPostInstallTask(task: PostInstallRecord, { workerId, report }: InstallOptions): Promise<void> {
  report({ step: 'PostInstallTask', title: task.title })
  const run = await compileSource(task.source, 'millhand/post-install.js')
  // There is no task whose messages these could be: what it says is not heard.
  const context = new TaskContext(0, (value) => value)
  context.end()
  await run({ args: task.args, context: context.forTask, workerScope: globalThis, taskId: '', workerId })
}

async function permanently(what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (cause) {
    throw new PermanentInstallError(what, cause)
  }
}
