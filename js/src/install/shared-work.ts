/** Work that several callers wait for: done once, and given up when the last of them has gone. */

export class SharedWork<T> {
  readonly #control = new AbortController()
  readonly #result: Promise<T>
  #waiting = 0
  #isDone = false

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#control.signal).finally(() => (this.#isDone = true))
    this.#result.catch(() => undefined) // Whoever waits hears of it.
  }

  /** Whether nobody waited any more, so that there is no result. */
  get isGivenUp(): boolean {
    return this.#control.signal.aborted
  }

  /** The result; rejects with the reason of `signal` if that aborts before. */
  async wait(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    this.#waiting += 1
    let stop = (): void => undefined
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason as Error)
      signal.addEventListener('abort', stop, { once: true })
    })
    try {
      return await Promise.race([this.#result, aborted])
    } finally {
      signal.removeEventListener('abort', stop)
      this.#waiting -= 1
      if (this.#waiting === 0 && !this.#isDone) this.#control.abort()
    }
  }
}
