/** Values of reactive cells: of an observable or a promise, what it gave last, and the news that it gave more. */

interface Subscribable {
  subscribe: (observer: { next: (value: unknown) => void; error: (error: unknown) => void }) => { unsubscribe: () => void }
}

/** What a reactive cell runs with. */
export interface Followed {
  /** What is followed, and what is as it is. */
  sources: Record<string, unknown>
  values: Record<string, unknown>
  /** Rejects when a source fails before all have given a value. */
  ready: Promise<void>
  stop: () => void
}

/** Follows those of `names` that are observables or promises; the others are as they are. */
export function follow(names: Record<string, unknown>, changed: () => void): Followed {
  const values = { ...names }
  const subscriptions: { unsubscribe: () => void }[] = []
  let stopped = false
  let isReady = false
  const waits: Promise<void>[] = []
  for (const [name, source] of Object.entries(names)) {
    if (isPromise(source)) {
      waits.push(Promise.resolve(source).then((value) => void (values[name] = value)))
    } else if (isSubscribable(source)) {
      const first = Promise.withResolvers<void>()
      waits.push(first.promise)
      const next = (value: unknown): void => {
        values[name] = value
        first.resolve()
        if (isReady && !stopped) changed()
      }
      subscriptions.push(source.subscribe({ next, error: (error) => first.reject(error) }))
    }
  }
  const ready = Promise.all(waits).then(() => void (isReady = true))
  return {
    sources: names,
    values,
    ready,
    stop: () => {
      stopped = true
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

/** Whether what is followed is what would be. */
export function follows({ sources }: Followed, names: Record<string, unknown>): boolean {
  const keys = Object.keys(names)
  return keys.length === Object.keys(sources).length && keys.every((name) => Object.is(sources[name], names[name]))
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const isSubscribable = (value: unknown): value is Subscribable =>
  typeof value === 'object' && value !== null && typeof (value as { subscribe?: unknown }).subscribe === 'function' && 'pipe' in value
