/** Values by task, in pages: ids are counted upwards, so neighbours share one, and a page goes with the last of its tasks. */

const PAGE = 256

interface Page<T> {
  slots: (T | undefined)[]
  live: number
}

/** What a `Map` does, at a cost that stays the same however many there are. */
export class TaskTable<T extends object> {
  readonly #pages = new Map<number, Page<T>>()

  get isEmpty(): boolean {
    return this.#pages.size === 0
  }

  get(id: number): T | undefined {
    return this.#pages.get(Math.floor(id / PAGE))?.slots[id % PAGE]
  }

  /** @param id Of none that it has. */
  add(id: number, value: T): void {
    const page = this.#pageFor(Math.floor(id / PAGE))
    page.slots[id % PAGE] = value
    page.live += 1
  }

  delete(id: number): void {
    const number = Math.floor(id / PAGE)
    const page = this.#pages.get(number)
    if (page?.slots[id % PAGE] === undefined) return
    page.slots[id % PAGE] = undefined
    page.live -= 1
    if (page.live === 0) this.#pages.delete(number)
  }

  /** In the order of their tasks. */
  values(): T[] {
    const pages = [...this.#pages].sort(([a], [b]) => a - b)
    return pages.flatMap(([, { slots }]) => slots.filter((value) => value !== undefined))
  }

  #pageFor(number: number): Page<T> {
    const known = this.#pages.get(number)
    if (known) return known
    const page = { slots: new Array<T | undefined>(PAGE).fill(undefined), live: 0 }
    this.#pages.set(number, page)
    return page
  }
}
