/** Functions on their way to workers: checked, described, and given to the host once each. */

import type { FunctionDefinition, FunctionOrigin } from '../wire/protocol.js'
import { InvalidInputError, MillhandError } from '../common/errors.js'
import type { Inspected } from './preflight.js'

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

/** Where functions of a module come from, by the functions that stand for them in the page. */
const moduleOrigins = new WeakMap<object, FunctionOrigin>()

/** Makes `proxy` stand for an export of a module. */
export function setModuleOrigin(proxy: object, origin: FunctionOrigin): void {
  moduleOrigins.set(proxy, origin)
}

export interface FunctionTableOptions {
  /** Gives the host a function, for an id. */
  define: (definition: FunctionDefinition) => number
  /** Looks a source over before it is sent; throws if it cannot run in a worker. */
  inspect: (source: string, inspected: Inspected) => void
  /** A name in a source that only local workers have. */
  localNameIn: (source: string) => string | undefined
}

/**
 * The most different functions that a pool takes. Each stays in every worker that has it as long as that worker lives, for modules
 * cannot be unloaded: code that makes a new source for each call would fill the memory.
 */
const MAX_FUNCTIONS = 10_000

/** The ids of functions in one pool. Functions with the same definition share one. */
export class FunctionTable {
  readonly #options: FunctionTableOptions
  readonly #known = new Map<FunctionDefinition['call'], WeakMap<object, number>>()
  readonly #byDefinition = new Map<string, number>()
  /** Functions that seem to use the Python runtime. */
  readonly #pythonUsers = new Set<number>()
  /** Functions that only local workers can run, and why. */
  readonly #local = new Map<number, string>()
  #sourcesForbidden = false

  constructor(options: FunctionTableOptions) {
    this.#options = options
  }

  /** From now on, functions that would be sent as source are refused. */
  forbidSources(): void {
    this.#sourcesForbidden = true
  }

  idOf(call: 'entryPoint' | 'each' | 'spread', entryPoint: unknown, field: string): number {
    const origin = typeof entryPoint === 'function' ? moduleOrigins.get(entryPoint) : undefined
    const known = typeof entryPoint === 'function' ? this.#known.get(call)?.get(entryPoint) : undefined
    if (known !== undefined && (origin || !this.#sourcesForbidden)) return known
    const check = (): void => this.#checkCount(entryPoint, field)
    const id = origin ? this.#define({ call, from: origin }, check) : this.#defineSource(call, entryPoint, field)
    if (origin) this.#local.set(id, 'is of a module (`pool.use`), whose url is not within reach of remote workers')
    const ids = this.#known.get(call) ?? new WeakMap<object, number>()
    this.#known.set(call, ids.set(entryPoint as object, id))
    return id
  }

  /** Why only local workers can run a function, if it is so. */
  whyLocal(id: number): string | null {
    return this.#local.get(id) ?? null
  }

  /** Whether a function's source mentions the Python runtime. */
  mentionsPython(id: number): boolean {
    return this.#pythonUsers.has(id)
  }

  /** The function that runs Python sources. */
  pythonId(): number {
    return this.#define({ call: 'python' })
  }

  #defineSource(call: 'entryPoint' | 'each' | 'spread', entryPoint: unknown, field: string): number {
    const source = sourceOf(entryPoint, field)
    if (this.#sourcesForbidden) throw sourceForbidden(field)
    const id = this.#define({ call, from: { source } }, () => {
      this.#checkCount(entryPoint, field)
      this.#options.inspect(source, { call, entryPoint: entryPoint as object, field })
    })
    if (/\bpyodide\b/.test(source)) this.#pythonUsers.add(id)
    const name = this.#options.localNameIn(source)
    if (name !== undefined) this.#local.set(id, `uses \`${name}\`, which only local workers have`)
    return id
  }

  #checkCount(entryPoint: unknown, field: string): void {
    if (this.#byDefinition.size < MAX_FUNCTIONS) return
    const hint = 'give what differs through `args`, so that the source stays the same'
    throw new InvalidInputError(field, entryPoint, `is one too many: the pool has ${MAX_FUNCTIONS} different functions`, hint)
  }

  /** @param check throws for a definition that cannot be had; asked once for each. */
  #define(definition: FunctionDefinition, check = (): void => undefined): number {
    const key = JSON.stringify(definition)
    const known = this.#byDefinition.get(key)
    if (known !== undefined) return known
    check()
    const id = this.#options.define(definition)
    this.#byDefinition.set(key, id)
    return id
  }
}

function sourceForbidden(field: string): MillhandError {
  return new MillhandError(
    'source-forbidden',
    `\`${field}\` cannot be sent as source: the Content-Security-Policy of the worker's script lets workers compile none`,
    {
      hint:
        'put the function into a module and call it through `pool.use(new URL("./tasks.js", import.meta.url))`, ' +
        'or allow `blob:` in `script-src`',
    },
  )
}
