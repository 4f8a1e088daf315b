/**
 * Functions that came as source. Each is imported as a module of its own from a blob, which needs no `eval`, so a page
 * needs no `unsafe-eval` for it; its names resolve to the worker's global scope.
 */

import type { TaskContextApi } from './task-context.js'

/** What a task's function is called with. */
export interface TaskArguments {
  args: unknown
  context: TaskContextApi
  workerScope: typeof globalThis
  taskId: string
  workerId: string
}

export type TaskFunction = (input: TaskArguments) => unknown

/** `name` is what stack traces show. */
export async function compileFunction(source: string, name: string): Promise<TaskFunction> {
  try {
    return await importFunction(`(${source})`, name)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // A method (`run() {…}`) is no expression by itself, but it is one in an object.
    return importFunction(`Object.values({ ${source} })[0]`, name).catch(() => Promise.reject(error))
  }
}

async function importFunction(expression: string, name: string): Promise<TaskFunction> {
  const code = `export default ${expression}\n//# sourceURL=${name}`
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  try {
    const module = (await import(url)) as { default: unknown }
    if (typeof module.default !== 'function') throw new SyntaxError(`\`${name}\` is not a function`)
    return module.default as TaskFunction
  } finally {
    URL.revokeObjectURL(url)
  }
}
