/** Tasks that a worker has received and not ended, in order. The first one runs. */

import type { TaskContext } from './task-context.js'

/** A task in a worker. */
export interface Job {
  readonly taskId: number
  readonly functionId: number
  readonly args: unknown
  /** Whether it may start before the exits of those before it are told. */
  readonly isQuick: boolean
  readonly context: TaskContext
}

/** So many that have ended are dropped at once: one by one, each would move all that wait. */
const MAX_ENDED = 64

export class Jobs {
  #jobs: Job[] = []
  /** How many of them have ended, and are not dropped yet. */
  #ended = 0

  get first(): Job | undefined {
    return this.#jobs[this.#ended]
  }

  push(job: Job): void {
    this.#jobs.push(job)
  }

  endFirst(): void {
    this.#ended += 1
    if (this.#ended === this.#jobs.length) this.#jobs.length = 0
    else if (this.#ended < MAX_ENDED) return
    else this.#jobs.splice(0, this.#ended)
    this.#ended = 0
  }

  find(taskId: number): Job | undefined {
    return this.#jobs.find((job, position) => position >= this.#ended && job.taskId === taskId)
  }

  /** Takes out a task, unless it is the first. */
  withdraw(taskId: number): boolean {
    const position = this.#jobs.findIndex((job) => job.taskId === taskId)
    if (position <= this.#ended) return false
    this.#jobs.splice(position, 1)
    return true
  }

  /** Takes out all but the first; gives their ids. */
  withdrawAll(): number[] {
    return this.#jobs.splice(this.#ended + 1).map(({ taskId }) => taskId)
  }
}
