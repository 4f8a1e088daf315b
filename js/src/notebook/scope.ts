/** The names that cells share. A name belongs to the cell that declared it last; its value is where that cell keeps it. */

/** How a name is read, and written if it can be. */
export type Accessor = [get: () => unknown, set?: (value: unknown) => void]

interface Entry {
  owner: object
  accessor: Accessor
}

export class Scope {
  readonly #entries = new Map<string, Entry>()
  /** Names as properties, for code whose reads and writes have to reach the variable itself. */
  readonly live: Record<string, unknown> = new Proxy<Record<string, unknown>>(Object.create(null) as Record<string, unknown>, {
    get: (_, name) => this.get(String(name)),
    set: (_, name, value) => this.#set(String(name), value),
  })
  /** The same, for functions that are called: without `this`. */
  readonly called: Record<string, unknown> = new Proxy<Record<string, unknown>>(Object.create(null) as Record<string, unknown>, {
    get: (_, name) => {
      const value = this.get(String(name))
      return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, undefined, args) : value
    },
  })

  /** Declares names; they are no other cell's any more. */
  define(owner: object, accessors: Record<string, Accessor>): void {
    for (const [name, accessor] of Object.entries(accessors)) this.#entries.set(name, { owner, accessor })
  }

  /** Takes away what a cell declared, before it runs again or when it is gone. */
  forget(owner: object): void {
    for (const [name, entry] of this.#entries) if (entry.owner === owner) this.#entries.delete(name)
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  get(name: string): unknown {
    const entry = this.#entries.get(name)
    if (!entry) throw new ReferenceError(`${name} is not defined`)
    return entry.accessor[0]()
  }

  #set(name: string, value: unknown): boolean {
    const entry = this.#entries.get(name)
    if (!entry) throw new ReferenceError(`${name} is not defined`)
    const set = entry.accessor[1]
    if (!set) throw new TypeError(`\`${name}\` is a constant of another cell, and cannot be assigned to`)
    set(value)
    return true
  }
}
