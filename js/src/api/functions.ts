/** Functions on their way to workers: checked, turned into source, and given to the host once each. */

import { InvalidInputError } from './errors.js'

/** The source of a function that can run elsewhere. */
export function sourceOf(entryPoint: unknown, field: string): string {
  if (typeof entryPoint !== 'function') {
    throw new InvalidInputError(field, entryPoint, 'is not a function')
  }
  const source = Function.prototype.toString.call(entryPoint)
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new InvalidInputError(
      field,
      entryPoint,
      'is native or bound, and has no source to send',
      'wrap it in a function of its own: `({ args }) => theFunction(args)`',
    )
  }
  if (/^class\b/.test(source)) {
    throw new InvalidInputError(field, entryPoint, 'is a class', 'give a function that makes an instance')
  }
  return source
}

/** The ids of functions in one pool. Functions with the same source share one. */
export class FunctionTable {
  readonly #define: (source: string) => number
  readonly #byFunction = new WeakMap<object, number>()
  readonly #bySource = new Map<string, number>()

  constructor(define: (source: string) => number) {
    this.#define = define
  }

  idOf(entryPoint: unknown, field: string): number {
    const known = typeof entryPoint === 'function' ? this.#byFunction.get(entryPoint) : undefined
    if (known !== undefined) return known
    const source = sourceOf(entryPoint, field)
    const id = this.#bySource.get(source) ?? this.#define(source)
    this.#bySource.set(source, id)
    this.#byFunction.set(entryPoint as object, id)
    return id
  }
}
