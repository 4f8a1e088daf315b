/** The payloads of a task's `Data` messages, for `for await`. */

import type { Observable, Subscription } from 'rxjs'
import { MillhandError } from '../common/errors.js'
import type { Message } from './messages.js'

/**
 * The most payloads that wait for a consumer that is slower than the task, besides those that were there when it came. Beyond, the
 * iteration fails; the task goes on.
 */
const MAX_UNREAD = 10_000

/** Ends with the task; throws what `failure` makes of an exit that is none of completion. */
export async function* iterateData(
  message$: Observable<Message>,
  failure: (exit: Extract<Message, { type: 'Exit' }>) => unknown,
): AsyncGenerator<unknown, void, undefined> {
  const unread = new Unread()
  let error: { value: unknown } | null = null
  let ended = false
  let wake = (): void => undefined
  let subscription: Subscription | null = null
  let bound = Infinity
  subscription = message$.subscribe((message) => {
    if (ended) return
    if (message.type === 'Data') unread.push(message.data.payload)
    if (message.type === 'Exit') {
      ended = true
      if (message.data.error) error = { value: failure(message) }
    }
    if (unread.length > bound) {
      error = { value: unreadOverflow() }
      unread.clear()
      ended = true
      subscription?.unsubscribe()
    }
    wake()
  })
  // What is replayed has been told by now.
  bound = unread.length + MAX_UNREAD
  try {
    for (;;) {
      if (unread.length > 0) yield unread.shift()
      else if (ended) break
      else await new Promise<void>((resolve) => (wake = resolve))
    }
    if (error !== null) throw (error as { value: unknown }).value
  } finally {
    subscription.unsubscribe()
  }
}

/** A queue whose front is taken in constant time, however long it is. */
class Unread {
  #items: unknown[] = []
  #taken = 0

  get length(): number {
    return this.#items.length - this.#taken
  }

  push(item: unknown): void {
    this.#items.push(item)
  }

  shift(): unknown {
    const item = this.#items[this.#taken]
    this.#items[this.#taken] = undefined
    this.#taken += 1
    if (this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  clear(): void {
    this.#items = []
    this.#taken = 0
  }
}

function unreadOverflow(): MillhandError {
  return new MillhandError('unread-overflow', `more than ${MAX_UNREAD} payloads of the task wait to be read`, {
    hint: 'read faster, or subscribe to `task.message$`, which keeps none back',
  })
}
