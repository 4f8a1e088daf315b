/** Refuses, at the call, functions that use what their worker cannot have. When unsure, it lets them run. */

import { InvalidInputError } from '../common/errors.js'
import type { FunctionDefinition } from '../wire/protocol.js'
import { namesOf } from './free-names.js'

/** Names that pages have and workers have not. */
const PAGE_ONLY = new Set(
  (
    'alert confirm customElements document DOMParser Element frames getComputedStyle history HTMLElement ' +
    'localStorage matchMedia MutationObserver Node opener parent prompt ResizeObserver screen sessionStorage top ' +
    'visualViewport window'
  ).split(' '),
)

/** Names that workers have and pages have not; `__name` is a helper that compilers add, and that workers add back. */
const WORKER_ONLY = new Set(
  (
    'DedicatedWorkerGlobalScope FileReaderSync FileSystemSyncAccessHandle importScripts WorkerGlobalScope WorkerLocation ' +
    'WorkerNavigator __name'
  ).split(' '),
)

/** The most names that are kept of a pool's sources. With more, names of other functions are no longer looked for. */
const MAX_MENTIONED = 100_000
/** The most sources that are known to have been read. */
const MAX_NOTED = 1_000

/** A function that is looked over, and what it is for. */
export interface Inspected {
  call: FunctionDefinition['call']
  entryPoint: object
  field: string
}

/** What is known of one pool's workers. */
export class Preflight {
  /** Names that the pool puts on its workers' global scope; `null` if it may be any. */
  readonly #given: Set<string> | null
  /** Names that sources in its workers mention, and so may set; `null` once there are too many to keep. */
  #mentioned: Set<string> | null = new Set()
  /** Sources whose names are among them: many calls have the same one. */
  readonly #noted = new Set<string>()

  constructor(given: Iterable<string> | null, sources: string[]) {
    this.#given = given && new Set(given)
    sources.forEach((source) => this.note(source))
  }

  /** @throws InvalidInputError that names what is missing, and says what to do. */
  inspect(source: string, { call, entryPoint, field }: Inspected): void {
    const names = namesOf(source)
    // Functions of `map` find their context as `this`, unless they are arrow functions.
    const hasThis = call !== 'entryPoint' && !names?.isArrow
    if (names?.usesLostThis && !hasThis) {
      throw new InvalidInputError(
        field,
        entryPoint,
        'uses `this`, which is not sent along with a function',
        'give what it needs through `args`',
      )
    }
    const missing = [...(names?.free ?? [])].find((name) => this.#isMissing(name, source))
    if (missing !== undefined) throw missingName(missing, entryPoint, field)
    this.note(source)
  }

  /** Takes note of a source that runs in the workers: names that it mentions may be set by it. */
  note(source: string): void {
    if (!this.#mentioned || this.#noted.has(source)) return
    if (this.#noted.size >= MAX_NOTED) this.#noted.clear()
    this.#noted.add(source)
    for (const [name] of source.matchAll(/(?!\d)[\p{ID_Continue}$]+/gu)) this.#mentioned.add(name)
    if (this.#mentioned.size > MAX_MENTIONED) this.#mentioned = null
  }

  #isMissing(name: string, source: string): boolean {
    if (this.#given?.has(name) || WORKER_ONLY.has(name)) return false
    if (!this.#given && !PAGE_ONLY.has(name)) return false
    if (PAGE_ONLY.has(name) ? isGuarded(name, source) : name in globalThis) return false
    // With too many names to tell, any may have been set.
    return this.#mentioned !== null && !this.#mentioned.has(name)
  }
}

/** Whether a source seems to ask for a name of pages before it uses it. */
function isGuarded(name: string, source: string): boolean {
  return /\btry\b/.test(source) || new RegExp(`["'.]${name}\\b`).test(source)
}

function missingName(name: string, entryPoint: object, field: string): InvalidInputError {
  return PAGE_ONLY.has(name)
    ? new InvalidInputError(
        field,
        entryPoint,
        `uses \`${name}\`, which pages have and workers have not`,
        'do this part in the page, with what the task returns or sends',
      )
    : new InvalidInputError(
        field,
        entryPoint,
        `uses \`${name}\`, which its worker has not: a function is sent as its source, without the variables around it`,
        `give it through \`args\`, or to every worker through \`globals: { ${name} }\``,
      )
}
