/** `pool.map`: items in, results out, and never more under way than the workers can take. */

import { checkOptions, checkSignal, parseCount } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import type { Task } from './task.js'

/** All optional. */
export interface MapOptions {
  /** How many items are one task; `auto` aims at some milliseconds of work each. */
  chunk?: 'auto' | number
  /** Results in the order of their items (the default), or each as soon as it is there. */
  ordered?: boolean
  /** Ends the iteration, and cancels what is under way. */
  signal?: AbortSignal
}

/** How the pool runs one chunk. */
export interface MapRunner<Item, Result> {
  /** How many chunks may be under way. */
  width: () => number
  run: (items: Item[], first: number) => Task<Result[]>
}

/** What `auto` aims at: long enough that the way to the worker does not matter, short enough to share out. */
const AIM_MS = 20
const MAX_CHUNK = 10_000

interface Chunk<Result> {
  task: Task<Result[]>
  settled: Promise<{ chunk: Chunk<Result>; results: Result[] }>
}

/**
 * The results of `items`. It pulls an item only when there is a worker for it, and not ahead of a consumer that is slow. An item
 * that fails ends the iteration with its error; ending it early cancels what is under way.
 */
export async function* mapItems<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  runner: MapRunner<Item, Result>,
  options: ParsedMapOptions,
): AsyncGenerator<Result, void, undefined> {
  const source = new ItemSource(items)
  const size = new ChunkSize(options.chunk)
  const underWay: Chunk<Result>[] = []
  let pulling: Promise<null> | null = null
  let over = false
  const pull = async (): Promise<null> => {
    const first = source.pulled
    const chunk = await source.pull(size.next, options.chunk === null ? AIM_MS : null)
    pulling = null
    if (chunk.length > 0 && !over) underWay.push(start(runner.run(chunk, first), size, chunk.length))
    return null
  }
  try {
    for (;;) {
      if (!source.ended && !pulling && underWay.length < runner.width()) pulling = pull()
      const results = options.ordered ? underWay.slice(0, 1) : underWay
      // Whichever is there first: a result to give, or items to start on.
      const waits: Promise<{ chunk: Chunk<Result>; results: Result[] } | null>[] = results.map(({ settled }) => settled)
      if (pulling) waits.push(pulling)
      if (waits.length === 0) return
      const done = await abortable(Promise.race(waits), options.signal)
      if (!done) continue
      underWay.splice(underWay.indexOf(done.chunk), 1)
      yield* done.results
    }
  } finally {
    over = true
    for (const { task } of underWay) task.cancel('the iteration has ended')
    const closing = source.close()
    // An asynchronous source that is waiting for its next item answers only then, and perhaps never.
    if (pulling) closing.catch(() => undefined)
    else await closing
  }
}

export interface ParsedMapOptions {
  chunk: number | null
  ordered: boolean
  signal: AbortSignal | undefined
}

/** @throws InvalidInputError */
export function parseMapOptions(options: MapOptions): ParsedMapOptions {
  checkOptions('options', options, ['chunk', 'ordered', 'signal'])
  const { chunk = 'auto', ordered = true, signal } = options
  checkSignal(signal)
  if (typeof ordered !== 'boolean') throw new InvalidInputError('ordered', ordered, 'is neither true nor false')
  return { chunk: chunk === 'auto' ? null : parseCount('chunk', chunk, 1, MAX_CHUNK), ordered, signal }
}

/** @throws InvalidInputError */
export function checkIterable(items: unknown): void {
  const isIterable = typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items)
  if (!isIterable && typeof items !== 'string') throw new InvalidInputError('items', items, 'is not iterable')
}

function start<Result>(task: Task<Result[]>, size: ChunkSize, count: number): Chunk<Result> {
  const startedAt = new Promise<number>((resolve) =>
    task.message$.subscribe(({ type }) => type === 'Start' && resolve(performance.now())),
  )
  const chunk: Chunk<Result> = {
    task,
    settled: task.then(async (results) => {
      size.learn(count, performance.now() - (await startedAt))
      return { chunk, results }
    }),
  }
  chunk.settled.catch(() => undefined) // Whoever comes to it throws it.
  return chunk
}

/** How many items the next chunk has. */
class ChunkSize {
  next: number
  readonly #isFixed: boolean

  constructor(fixed: number | null) {
    this.next = fixed ?? 1
    this.#isFixed = fixed !== null
  }

  /** A chunk of `count` items took so long: grow towards the aim, at most twofold, or shrink to it. */
  learn(count: number, took_ms: number): void {
    if (this.#isFixed) return
    const fitting = Math.floor((AIM_MS / Math.max(took_ms, 0.01)) * count)
    this.next = Math.max(1, Math.min(fitting, this.next * 2, MAX_CHUNK))
  }
}

/** Items, pulled some at a time. */
class ItemSource<Item> {
  ended = false
  pulled = 0
  readonly #iterator: Iterator<Item> | AsyncIterator<Item>
  /** The next item, asked for and not there yet. */
  #next: Promise<IteratorResult<Item>> | null = null

  constructor(items: Iterable<Item> | AsyncIterable<Item>) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  }

  /** Up to `count` items; fewer at the end, or if one takes longer than `patience_ms` and others are there. */
  async pull(count: number, patience_ms: number | null): Promise<Item[]> {
    const pulled: Item[] = []
    while (pulled.length < count) {
      const next = await this.#take(pulled.length === 0 ? null : patience_ms)
      if (!next) break
      if (next.done) {
        this.ended = true
        break
      }
      pulled.push(next.value)
      this.pulled += 1
    }
    return pulled
  }

  async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    await this.#iterator.return?.()
  }

  async #take(patience_ms: number | null): Promise<IteratorResult<Item> | null> {
    if (!this.#next) {
      const next = this.#iterator.next()
      if (!(next instanceof Promise)) return next
      this.#next = next
    }
    const next = patience_ms === null ? await this.#next : await within(this.#next, patience_ms)
    if (next) this.#next = null
    return next
  }
}

/** What `promise` resolves to, or `null` if that takes longer. */
async function within<T>(promise: Promise<T>, patience_ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), patience_ms)))
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) return Promise.reject(signal.reason as unknown)
  const aborted = new Promise<never>((_, reject) => {
    const listener = (): void => reject(signal.reason)
    signal.addEventListener('abort', listener, { once: true })
    promise.then(
      () => signal.removeEventListener('abort', listener),
      () => signal.removeEventListener('abort', listener),
    )
  })
  return Promise.race([promise, aborted])
}
