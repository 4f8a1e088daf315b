/** `pool.use`: a module's exports, as functions that run in the pool. */

import { platform } from '#platform'
import { InvalidInputError } from '../common/errors.js'
import { setModuleOrigin } from './functions.js'
import type { Task } from './task.js'

/** A module whose functions run in workers: called with the same arguments, each call is a {@link Task}. */
export type PoolModule<Module> = {
  readonly [Name in keyof Module as Module[Name] extends (...args: never[]) => unknown
    ? Name
    : never]: Module[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Task<Awaited<Result>> : never
}

/** `run` runs an exported function, by the function that stands for it. */
export function useModule<Module>(
  url: unknown,
  run: (standIn: object, args: unknown[], title: string) => Task<unknown>,
): PoolModule<Module> {
  const href = parseModuleUrl(url)
  const functions = new Map<string, object>()
  return new Proxy(Object.create(null) as PoolModule<Module>, {
    get(_, name) {
      // `await` asks for `then`: a module is no promise.
      if (typeof name !== 'string' || name === 'then') return undefined
      const standIn = functions.get(name) ?? makeStandIn(href, name, run)
      functions.set(name, standIn)
      return standIn
    },
  })
}

function makeStandIn(url: string, name: string, run: (standIn: object, args: unknown[], title: string) => Task<unknown>) {
  const standIn = (...args: unknown[]): Task<unknown> => run(standIn, args, name)
  setModuleOrigin(standIn, { url, name })
  return standIn
}

function parseModuleUrl(url: unknown): string {
  const text = url instanceof URL ? url.href : url
  const base = platform.baseUrl()
  if (typeof text !== 'string' || !URL.canParse(text, base)) {
    const hint = 'give one that is relative to your module: `new URL("./tasks.js", import.meta.url)`'
    throw new InvalidInputError('url', url, 'is not a url', hint)
  }
  return new URL(text, base).href
}
