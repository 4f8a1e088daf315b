/** `pool.broadcast`: functions that every worker runs once, those that start later too. */

import { parseWorkerId } from '../wire/names.js'
import type { Task } from './task.js'
import { TaskError } from '../common/errors.js'
import type { TaskStream } from './task-stream.js'

/** A task that the host has. */
export interface Submitted {
  id: number
  stream: TaskStream
}

/** Submits a task for one worker, before its other ones. */
type SubmitTo = (functionId: number, args: unknown, title: string, worker: number) => Submitted

interface Broadcast {
  functionId: number
  args: unknown
  title: string
}

export class Broadcasts {
  readonly #submitTo: SubmitTo
  readonly #all: Broadcast[] = []

  constructor(submitTo: SubmitTo) {
    this.#submitTo = submitTo
  }

  /** Submits to the workers of these names, and remembers it for later ones. */
  add(functionId: number, args: unknown, title: string, workers: Iterable<string>): Submitted[] {
    this.#all.push({ functionId, args, title })
    return [...workers].map((name) => this.#submitTo(functionId, args, title, parseWorkerId(name) ?? 0))
  }

  /** A worker has started: it runs all that was broadcast before. */
  reach(worker: number): void {
    for (const { functionId, args, title } of this.#all) this.#submitTo(functionId, args, title, worker)
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
