/** One task's messages: kept within a bound, told to whoever listens now, and replayed to whoever comes late. */

import type { Subscriber } from 'rxjs'
import { taskName, workerName } from '../wire/names.js'
import type { TaskEnd } from './exit.js'
import { toExit } from './exit.js'
import type { Message, MessageExit, MessageStart } from './messages.js'

/** How many of the last messages a late subscriber gets, besides `Start` and `Exit`. */
export const DEFAULT_REPLAY = 1_000
/** The most that can be asked for: beyond it a forgotten stream would fill the memory. */
export const MAX_REPLAY = 1_000_000

/** What tasks of one call site share. */
export interface TaskTraits {
  readonly title: string
  /** How many of its last messages are kept. */
  readonly replay: number
  /** What may help if the task throws for want of something. */
  readonly hint: string | undefined
}

/** Most tasks are never listened to: a stream makes its messages, and what it needs for listeners, when they are asked for. */
export class TaskStream {
  readonly id: number
  readonly traits: TaskTraits
  /** When the task was submitted, by `performance.now()`. */
  readonly queued_ms = performance.now()
  /** When it started last; `null` if it waits, the first time or again. */
  started_ms: number | null = null
  /** The worker that it started on first. */
  #startedOn: number | null = null
  #recent: Message[] | null = null
  /** How many messages were told before those of `#recent`. */
  #dropped = 0
  #end: TaskEnd | null = null
  #exit: MessageExit | null = null
  #subscribers: Set<Subscriber<Message>> | null = null
  #exitListener: (() => void) | null = null
  #isTaken = false

  constructor(id: number, traits: TaskTraits) {
    this.id = id
    this.traits = traits
  }

  /** The call that submitted the task is over. */
  take(): void {
    this.#isTaken = this.#end === null
  }

  /** Whether the pool took the task: one that ends before was refused at the call. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  /** How the task ended, if it has. */
  get end(): TaskEnd | null {
    return this.#end
  }

  /** The last message, once the task has ended. */
  get exit(): MessageExit | null {
    if (this.#end) this.#exit ??= toExit(this.id, this.traits.title, this.#end)
    return this.#exit
  }

  /** The task starts on a worker, the first time or again. */
  start(worker: number, batch_ms: number): void {
    // A listener may have submitted the task within the batch.
    this.started_ms = Math.max(batch_ms, this.queued_ms)
    if (this.#startedOn !== null) return this.push(toStart(this.id, worker))
    this.#startedOn = worker
    if (this.#subscribers) this.#tell(toStart(this.id, worker))
  }

  /** The task says something. */
  push(message: Message): void {
    const recent = (this.#recent ??= [])
    recent.push(message)
    if (recent.length > this.traits.replay) {
      recent.shift()
      this.#dropped += 1
    }
    if (this.#subscribers) this.#tell(message)
  }

  finish(end: TaskEnd): void {
    this.#end = end
    const subscribers = this.#subscribers
    if (subscribers && this.exit) {
      this.#tell(this.exit)
      for (const subscriber of [...subscribers]) subscriber.complete()
      this.#subscribers = null
    }
    const listener = this.#exitListener
    this.#exitListener = null
    listener?.()
  }

  /** Calls when the task has ended, now if it has already. For the pool's own needs: nobody is told of who asks. */
  onExit(listener: () => void): void {
    const others = this.#exitListener
    if (this.#end) listener()
    else if (!others) this.#exitListener = listener
    else {
      this.#exitListener = () => {
        others()
        listener()
      }
    }
  }

  /**
   * Hot: the task runs once, whoever listens. A subscriber first gets what it missed (`Start`, the last `replay`
   * messages, `Exit`), then what comes. It completes after `Exit`, and never errors. Unsubscribing does not touch the task.
   */
  subscribe(subscriber: Subscriber<Message>): (() => void) | undefined {
    if (this.#startedOn !== null) subscriber.next(toStart(this.id, this.#startedOn))
    // A listener may make the task say more while it is told the past: go on until there is no more past.
    for (let position = this.#dropped; ; position += 1) {
      position = Math.max(position, this.#dropped)
      const message = this.#recent?.[position - this.#dropped]
      if (!message) break
      subscriber.next(message)
    }
    if (this.exit) {
      subscriber.next(this.exit)
      subscriber.complete()
      return undefined
    }
    const subscribers = (this.#subscribers ??= new Set())
    subscribers.add(subscriber)
    return () => subscribers.delete(subscriber)
  }

  #tell(message: Message): void {
    for (const subscriber of [...(this.#subscribers ?? [])]) subscriber.next(message)
  }
}

export function toStart(task: number, worker: number): MessageStart {
  return { type: 'Start', data: { taskId: taskName(task), workerId: workerName(worker) } }
}
