/** An observable with a current value that is made from elsewhere, and only if somebody looks. */

import { BehaviorSubject } from 'rxjs'

/** Its value is that of now; subscribers are told when {@link tell} is called. */
export class CurrentValue<T> extends BehaviorSubject<T> {
  readonly #current: () => T

  constructor(current: () => T) {
    super(current())
    this.#current = current
    const subscribe = this.subscribe.bind(this)
    // Whoever comes first gets what is so then, and not what somebody was told last.
    this.subscribe = ((...observer: Parameters<typeof subscribe>) => {
      this.#refresh()
      return subscribe(...observer)
    }) as typeof this.subscribe
  }

  override getValue(): T {
    return this.observed ? super.getValue() : this.#current()
  }

  /** Tells subscribers, if it has changed. */
  tell(): void {
    if (!this.observed) return
    const value = this.#current()
    if (value !== super.getValue()) this.next(value)
  }

  #refresh(): void {
    if (!this.observed && !this.isStopped) this.next(this.#current())
  }
}
