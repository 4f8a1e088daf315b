/** One task's messages: kept within a bound, told to whoever listens now, and replayed to whoever comes late. */

import type { Subscriber } from 'rxjs'
import type { Message, MessageExit } from './messages.js'

/** How many of the last messages a late subscriber gets, besides `Start` and `Exit`. */
export const DEFAULT_REPLAY = 1_000
/** The most that can be asked for: beyond it a forgotten stream would fill the memory. */
export const MAX_REPLAY = 1_000_000

export class TaskStream {
  readonly title: string
  /** When the task was submitted, by `performance.now()`. */
  readonly queued_ms = performance.now()
  /** What may help if the task throws for want of something. */
  readonly hint: string | undefined
  readonly #replay: number
  #start: Message | null = null
  #recent: Message[] = []
  /** How many messages were told before those of `#recent`. */
  #dropped = 0
  #exit: MessageExit | null = null
  readonly #subscribers = new Set<Subscriber<Message>>()
  #exitListeners: ((exit: MessageExit) => void)[] = []
  #isTaken = false

  constructor(title: string, replay: number, hint?: string) {
    this.title = title
    this.#replay = replay
    this.hint = hint
  }

  /** The call that submitted the task is over. */
  take(): void {
    this.#isTaken = this.#exit === null
  }

  /** Whether the pool took the task: one that ends before was refused at the call. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  push(message: Message): void {
    if (message.type === 'Start' && !this.#start) {
      this.#start = message
    } else if (message.type === 'Exit') {
      this.#exit = message
    } else {
      this.#recent.push(message)
      if (this.#recent.length > this.#replay) {
        this.#recent.shift()
        this.#dropped += 1
      }
    }
    const subscribers = [...this.#subscribers]
    for (const subscriber of subscribers) subscriber.next(message)
    if (message.type !== 'Exit') return
    for (const subscriber of subscribers) subscriber.complete()
    this.#subscribers.clear()
    const listeners = this.#exitListeners
    this.#exitListeners = []
    for (const listener of listeners) listener(message)
  }

  /** Tells the exit, now if it is there already. For the pool's own needs: nobody is told of who asks. */
  onExit(listener: (exit: MessageExit) => void): void {
    if (this.#exit) listener(this.#exit)
    else this.#exitListeners.push(listener)
  }

  /**
   * Hot: the task runs once, whoever listens. A subscriber first gets what it missed (`Start`, the last `replay`
   * messages, `Exit`), then what comes. It completes after `Exit`, and never errors. Unsubscribing does not touch the task.
   */
  subscribe(subscriber: Subscriber<Message>): (() => void) | undefined {
    if (this.#start) subscriber.next(this.#start)
    // A listener may make the task say more while it is told the past: go on until there is no more past.
    for (let position = this.#dropped; ; position += 1) {
      position = Math.max(position, this.#dropped)
      const message = this.#recent[position - this.#dropped]
      if (!message) break
      subscriber.next(message)
    }
    if (this.#exit) {
      subscriber.next(this.#exit)
      subscriber.complete()
      return undefined
    }
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }
}
