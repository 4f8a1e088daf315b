/** A module of tasks, for `pool.use`: really imported by each worker, so that its own variables and imports are there. */

import { offset } from './offset.js'

let calls = 0

export function addOffset(x) {
  calls += 1
  return x + offset
}

export const countCalls = () => calls

export async function talk(text) {
  this.context.info(text)
  return `${this.taskId} on ${this.workerId}`
}

export function fail(message) {
  throw new RangeError(message)
}

export const notAFunction = 42
