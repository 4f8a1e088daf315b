/** `pool.broadcast`: functions that every worker runs once, those that start later too. */

import { parseWorkerId } from '../wire/names.js'
import type { Task } from './task.js'
import { MillhandError, TaskError } from '../common/errors.js'
import type { TaskStream } from './task-stream.js'

/** Submits a task for one worker, before its other ones. */
type SubmitTo = (broadcast: Broadcast, worker: number) => TaskStream

/** All optional. */
export interface BroadcastOptions {
  /** When it aborts, tasks of the broadcast are cancelled, and workers that start later no longer run it. */
  signal?: AbortSignal
}

export interface Broadcast {
  functionId: number
  args: unknown
  title: string
  signal: AbortSignal | undefined
  /** Whether remote workers cannot run it: it passes them by. */
  isLocal: boolean
}

/** The most that are kept for workers that start later: each of those runs them all before it has any other task. */
const MAX_KEPT = 1_000

export class Broadcasts {
  readonly #submitTo: SubmitTo
  /** In the order of the calls. */
  readonly #kept = new Set<Broadcast>()

  constructor(submitTo: SubmitTo) {
    this.#submitTo = submitTo
  }

  /** Why no more broadcasts can be taken, if that is so. */
  get refusal(): MillhandError | null {
    if (this.#kept.size < MAX_KEPT) return null
    const message = `the pool keeps ${MAX_KEPT} broadcasts for workers that start later, and no more`
    const hint = 'give broadcasts a `signal`, and abort it when later workers need them no more'
    return new MillhandError('rejected', message, { hint })
  }

  /** Submits to the workers of these names, and keeps it for later ones until its signal aborts. */
  add(broadcast: Broadcast, workers: Iterable<string>): TaskStream[] {
    if (!broadcast.signal?.aborted) {
      this.#kept.add(broadcast)
      broadcast.signal?.addEventListener('abort', () => this.#kept.delete(broadcast), { once: true })
    }
    return [...workers].map((name) => this.#submitTo(broadcast, parseWorkerId(name) ?? 0))
  }

  /** A worker has started: it runs all that was broadcast before. */
  reach(worker: number, isRemote: boolean): void {
    for (const broadcast of this.#kept) if (!(isRemote && broadcast.isLocal)) this.#submitTo(broadcast, worker)
  }
}

/** The results of a broadcast's tasks, without those of workers that were lost. */
export async function resultsOf<Result>(tasks: Task<Result>[]): Promise<Result[]> {
  const results = await Promise.all(tasks.map((task) => task.then((result) => [result], ignoreLoss)))
  return results.flat()
}

function ignoreLoss(error: unknown): never[] {
  if (error instanceof TaskError && error.reason === 'WorkerLost') return []
  throw error
}
