/**
 * Functions as workers call them. One that came as source is imported as a module of its own; its names resolve to the worker's global scope. One of a module is imported from there, with all that it imports.
 */

import { scope } from '#scope'
import type { FunctionDefinition, FunctionOrigin } from '../wire/protocol.js'
import type { EntryPointArguments } from '../wire/task-input.js'
import { ItemError } from './failures.js'
import type { Python } from './python.js'

export type TaskFunction = (input: EntryPointArguments) => unknown

/** A function whose arguments are between the one who wrote it and the one who calls it. */
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown

export async function compileDefinition(
  definition: FunctionDefinition,
  id: number,
  python: () => Python | null,
): Promise<TaskFunction> {
  if (definition.call === 'python') return (input) => runPython(input, python())
  const target = await load(definition.from, `millhand/function-${id}.js`)
  switch (definition.call) {
    case 'entryPoint':
      return target
    case 'spread':
      // A function of a module finds its context, should it want it, as `this`.
      return ({ args, ...rest }) => target.apply(rest, args as unknown[])
    case 'each':
      return (input) => callForEach(target, input)
  }
}

/** A function that came as source; `name` is what stack traces show. */
export async function compileSource(source: string, name: string): Promise<AnyFunction> {
  try {
    return await importExpression(`(${source})`, name)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // A method (`run() {…}`) is no expression by itself, but it is one in an object.
    return importExpression(`Object.values({ ${source} })[0]`, name).catch(() => Promise.reject(error))
  }
}

/** Whether the page's policy lets this worker compile functions that come as source. */
export async function mayCompile(): Promise<boolean> {
  return importExpression('() => undefined', 'millhand/probe.js').then(
    () => true,
    () => false,
  )
}

async function load(from: FunctionOrigin, name: string): Promise<AnyFunction> {
  if ('source' in from) return compileSource(from.source, name)
  const module = (await import(from.url)) as Record<string, unknown>
  const target = module[from.name]
  if (typeof target === 'function') return target as AnyFunction
  const exports = Object.keys(module).join(', ') || 'nothing'
  throw new TypeError(`\`${from.name}\` is no function that \`${from.url}\` exports: it exports ${exports}`)
}

/** What esbuild, and so tsx, calls in sources to keep the names of functions, and has outside of them. */
const NAME_HELPER = "const __name = (target, value) => Object.defineProperty(target, 'name', { value, configurable: true });"

async function importExpression(expression: string, name: string): Promise<AnyFunction> {
  const helper = expression.includes('__name(') ? NAME_HELPER : ''
  const module = await scope.importCode(`${helper}export default ${expression}\n//# sourceURL=${name}`)
  if (typeof module['default'] !== 'function') throw new SyntaxError(`\`${name}\` is not a function`)
  return module['default'] as AnyFunction
}

async function callForEach(target: AnyFunction, { args, context }: EntryPointArguments): Promise<unknown[]> {
  const { items, first } = args as { items: unknown[]; first: number }
  const results: unknown[] = []
  for (const [offset, item] of items.entries()) {
    context.signal.throwIfAborted()
    try {
      results.push(await target.call({ context }, item, first + offset))
    } catch (cause) {
      throw new ItemError(first + offset, cause)
    }
  }
  return results
}

function runPython({ args, context }: EntryPointArguments, python: Python | null): unknown {
  if (!python) throw new Error('this worker has no Python')
  const { source, args: values } = args as { source: string; args: unknown }
  return python.run(source, values, context.signal)
}
