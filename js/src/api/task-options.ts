/** What a task may be given besides its function and arguments, and its check: the one way from options to the host's terms. */

import type { HostTaskSpec } from '../host.js'
import { checkSignal, checkText, parseCount } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import { toCancelCause } from './exit.js'
import type { TaskTimes } from './inputs.js'
import { parseTimes, TIME_OPTIONS } from './inputs.js'
import type { EntryPoint } from './task.js'
import type { TaskTraits } from './task-stream.js'
import { DEFAULT_REPLAY, MAX_REPLAY } from './task-stream.js'

/** What `schedule` takes. */
export interface ScheduleInput<Args, Result> extends TaskOptions {
  entryPoint: EntryPoint<Args, Result>
  args?: Args
}

export interface TaskOptions extends TaskTimes {
  /** Cancels the task when it aborts; its reason is the cause of the exit. */
  signal?: AbortSignal
  /** What of `args` is moved rather than copied. Not together with `retries`: what was moved cannot be sent again. */
  transfer?: Transferable[]
  /** For people who watch the pool; the entry point's name otherwise. */
  title?: string
  /** The only worker that may run the task, a key of `workers$`. If it is gone, the task exits `WorkerLost`. */
  targetWorkerId?: string
  /** The only place where the task may run: with the local workers, or on the machines of `pool.remote`. Anywhere otherwise. */
  target?: 'local' | 'remote'
  /**
   * Higher goes first among queued tasks; 0 otherwise. Equal ones keep the order of their calls. Each step is worth ten seconds
   * of waiting, so that nothing waits for ever.
   */
  priority?: number
  /** How many of its last messages a late subscriber gets, besides `Start` and `Exit`; 1,000 otherwise. */
  replay?: number
}

export const TASK_OPTIONS = ['title', 'targetWorkerId', 'target', 'priority', 'replay', 'signal', 'transfer', ...TIME_OPTIONS] as const

/** Checked options. */
export interface ParsedTaskOptions {
  spec: HostTaskSpec
  traits: Omit<TaskTraits, 'hint'>
}

/** Priorities within which a user's task stays. */
const MAX_PRIORITY = 1_000_000

/** @throws InvalidInputError */
export function parseTaskOptions(
  options: TaskOptions,
  defaults: TaskTimes & { title: string },
  parseTarget: (workerId: string) => number,
): ParsedTaskOptions {
  const { title = defaults.title, targetWorkerId, target: place, priority = 0, replay = DEFAULT_REPLAY, signal } = options
  const { timeout, queueTimeout, retries = 0 } = { ...defaults, ...parseTimes(options) }
  if (!Number.isInteger(priority) || Math.abs(priority) > MAX_PRIORITY) {
    const problem = `is not a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`
    throw new InvalidInputError('priority', priority, problem)
  }
  const target = targetWorkerId === undefined ? parsePlace(place) : parseTarget(targetWorkerId)
  if (targetWorkerId !== undefined && place !== undefined) {
    throw new InvalidInputError('target', place, 'does not go with `targetWorkerId`', 'a worker is in one place')
  }
  checkText('title', title)
  checkTransfer(options)
  checkSignal(signal)
  const spec: HostTaskSpec = {
    priority,
    target,
    timeoutMs: timeout,
    queueTimeoutMs: queueTimeout,
    // What was moved cannot be sent again.
    retries: options.transfer ? 0 : retries,
    admission: signal?.aborted ? { kind: 'Withdrawn', cause: toCancelCause(signal.reason) } : undefined,
    isMeasured: true,
  }
  return { spec, traits: { title, replay: parseCount('replay', replay, 0, MAX_REPLAY) } }
}

/** The terms of a broadcast's task: before all others of its worker, and taken though the queue is full or the pool drains. */
export function broadcastSpec(target: number, signal: AbortSignal | undefined): HostTaskSpec {
  return {
    priority: 2 * MAX_PRIORITY,
    target,
    timeoutMs: undefined,
    queueTimeoutMs: undefined,
    retries: 0,
    admission: signal?.aborted ? { kind: 'Withdrawn', cause: toCancelCause(signal.reason) } : { kind: 'Essential' },
    isMeasured: false,
  }
}

function parsePlace(place: unknown): 'local' | 'remote' | undefined {
  if (place === undefined || place === 'local' || place === 'remote') return place
  throw new InvalidInputError('target', place, 'is neither `local` nor `remote`')
}

function checkTransfer({ transfer, retries }: TaskOptions): void {
  if (transfer === undefined) return
  if (!Array.isArray(transfer)) throw new InvalidInputError('transfer', transfer, 'is not an array')
  if (retries) {
    throw new InvalidInputError('transfer', transfer, 'does not go with `retries`', 'what was moved cannot be sent again')
  }
}
