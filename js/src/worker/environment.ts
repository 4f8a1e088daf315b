/** Makes a worker's environment: modules and scripts, Python, globals, and the post-install tasks, in this order. */

import { ModuleError, PermanentInstallError } from '../environment/failures.js'
import { loadModules, setNames } from '../environment/modules.js'
import { scope } from '#scope'
import type { GlobalRecord, ModulesSetup, PostInstallRecord, WorkerSetup } from '../wire/protocol.js'
import { compileSource } from './functions.js'
import type { Outbox } from './outbox.js'
import type { Python, PythonOptions } from './python.js'
import { runScript } from './scripts.js'
import { TaskContext } from './task-context.js'

export interface InstallOptions extends PythonOptions {
  workerId: string
  outbox: Outbox
}

export async function installEnvironment(setup: WorkerSetup, options: InstallOptions): Promise<Python | null> {
  options.report({ step: 'WorkerBooted' })
  if (setup.modules) await installModules(setup.modules, options)
  const python = setup.python ? await scope.startPython(setup.python, options) : null
  for (const record of setup.globals) await permanently(`the global \`${record.name}\``, () => setGlobal(record))
  for (const task of setup.postInstallTasks) {
    await permanently(`the post-install task \`${task.title}\``, () => runPostInstallTask(task, options))
  }
  return python
}

async function installModules(setup: ModulesSetup<string>, { report }: InstallOptions): Promise<void> {
  try {
    setNames(await loadModules(await compileAll(setup), { report, runScript }), new Set(setup.chosen))
  } catch (cause) {
    if (cause instanceof ModuleError && cause.at === 'loading') throw cause
    throw new PermanentInstallError(undefined, withReason(cause))
  }
}

/** What a worker lacks is the likeliest reason. */
function withReason(cause: unknown): unknown {
  if (!(cause instanceof ModuleError) || cause.at !== 'running') return cause
  return new ModuleError(`${cause.message} (it may need a DOM, which workers do not have)`, cause.at, cause.cause)
}

type AnyFunction = (...args: unknown[]) => unknown

/** The setup with functions in the place of their sources. */
async function compileAll({ modules, aliases, ...rest }: ModulesSetup<string>): Promise<ModulesSetup<AnyFunction>> {
  const compile = (source: string): Promise<AnyFunction> => compileSource(source, 'millhand/install.js')
  return {
    ...rest,
    modules: await Promise.all(
      modules.map(async ({ sideEffects, ...module }) => {
        return { ...module, sideEffects: sideEffects === null ? null : await compile(sideEffects) }
      }),
    ),
    aliases: await Promise.all(
      aliases.map(async ({ name, of }) => ({ name, of: 'call' in of ? { call: await compile(of.call) } : of })),
    ),
  }
}

async function setGlobal(record: GlobalRecord): Promise<void> {
  const value =
    'source' in record ? await compileSource(record.source, `millhand/global-${record.name}.js`) : record.value
  Object.defineProperty(globalThis, record.name, { value, configurable: true, writable: true, enumerable: true })
}

async function runPostInstallTask(task: PostInstallRecord, { workerId, outbox, report }: InstallOptions): Promise<void> {
  report({ step: 'PostInstallTask', title: task.title })
  const run = await compileSource(task.source, 'millhand/post-install.js')
  // There is no task whose messages these could be: what it says is not heard.
  const context = new TaskContext(0, outbox, (value) => value)
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
