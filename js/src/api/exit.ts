/** How tasks end: the `Exit` message of each reason, with an error that says why. */

import { taskName, workerName } from '../wire/names.js'
import { isCloneable, isErrorRecord, RemoteError, toErrorRecord } from '../wire/errors.js'
import { InstallError, isMillhandError, MillhandError, sentenceOf, TaskError } from '../common/errors.js'
import type { ExitReason, MessageExit } from './messages.js'
import type { PoolEnd } from './pool-news.js'

/** What the host says of an ended task. */
export interface TaskEnd {
  /** Who ran it, if anybody did. */
  worker: number | null
  reason: ExitReason
  /** The result, an {@link ErrorRecord}, an exception of this page, or a sentence. */
  value: unknown
  /** After which call of the user's the task was submitted, if the pool did not take it for that. */
  refusedAfter: PoolEnd | null
}

export function toExit(task: number, title: string, end: TaskEnd): MessageExit {
  const { reason } = end
  const ids = { taskId: taskName(task), workerId: end.worker === null ? null : workerName(end.worker) }
  const result = toResult({ ...end, ...ids, title })
  return { type: 'Exit', data: { ...ids, error: reason !== 'Completed', result, reason } }
}

/** The error of an environment that cannot be had, from what the host says of it. */
export function toInstallError(cause: unknown): InstallError {
  if (cause instanceof InstallError) return cause
  const error = toError(cause)
  const during = error instanceof RemoteError && error.during !== undefined ? `${error.during}: ` : ''
  const sentence = error ? sentenceOf(error) : 'no cause is known'
  return new InstallError(`the workers' environment cannot be had: ${during}${sentence}`, {
    hint: isMillhandError(error) ? error.hint : undefined,
    cause: error,
  })
}

/** A user's reason to cancel, as it goes to the task and comes back with the exit: never `undefined`, always cloneable. */
export function toCancelCause(reason: unknown): unknown {
  if (reason === undefined) return toErrorRecord(new DOMException('the task was cancelled', 'AbortError'))
  return reason instanceof Error || !isCloneable(reason) ? toErrorRecord(reason) : structuredClone(reason)
}

interface Ended extends TaskEnd {
  taskId: string
  workerId: string | null
  title: string
}

function toResult({ reason, value, title, refusedAfter, taskId, workerId }: Ended): unknown {
  const ids = { taskId, workerId }
  const cause = toError(value)
  switch (reason) {
    case 'Completed':
      return value
    case 'Threw':
      return cause ?? new RemoteError(toErrorRecord(value))
    case 'Unclonable':
      return new TaskError({ reason, ...ids }, `\`${title}\` has something that cannot be cloned: ${cause?.message}`, {
        hint: 'take and return plain data: numbers, strings, arrays, objects, typed arrays',
        cause,
      })
    case 'Cancelled':
      return new TaskError({ reason, ...ids }, `\`${title}\` was cancelled${cause ? `: ${cause.message}` : ''}`, {
        cause: isErrorRecord(value) ? cause : value,
      })
    case 'TimedOut':
      return new TaskError({ reason, ...ids }, `\`${title}\` ran for longer than its \`timeout\``)
    case 'QueueTimedOut':
      return new TaskError({ reason, ...ids }, `\`${title}\` waited for longer than its \`queueTimeout\``, {
        hint: 'let the pool stretch further, or give tasks more time',
      })
    case 'Rejected':
      return new TaskError({ reason, ...ids }, `\`${title}\` was not queued: \`pool.maxQueue\` tasks wait already`, {
        hint: 'schedule less at a time (`pool.map` does), or raise `pool.maxQueue`',
      })
    case 'WorkerLost':
      return new TaskError({ reason, ...ids }, `the worker of \`${title}\` is gone: ${cause?.message ?? 'it ended'}`, {
        hint: cause?.message.includes(NOT_OF_THE_PROTOCOL) ? SENDING_HINT : undefined,
        cause,
      })
    case 'InstallFailed': {
      // Why there is no engine is said as it is; `undefined`: it was not there yet.
      const engine = value === undefined ? ENGINE_NOT_THERE : value
      if (isMillhandError(engine) && !(engine instanceof InstallError)) {
        const { hint } = engine
        return new TaskError({ reason, ...ids }, `\`${title}\` had no remote worker: ${sentenceOf(engine)}`, { hint, cause: engine })
      }
      const failure = toInstallError(value)
      return new TaskError({ reason, ...ids }, `\`${title}\` had no worker: ${sentenceOf(failure)}`, {
        hint: failure.hint,
        cause: failure,
      })
    }
    case 'PoolTerminated':
      return new TaskError({ reason, ...ids }, poolTerminated(title, refusedAfter), {
        hint: refusedAfter ? 'make a new pool' : undefined,
      })
  }
}

const ENGINE_NOT_THERE = new MillhandError('engine-down', 'the engine was not there within `pool.remote.engineTimeout`')

/** What the host says of a worker that posts messages of its own. */
const NOT_OF_THE_PROTOCOL = 'not of the protocol'
const SENDING_HINT = 'send with `context.sendData`, not with `self.postMessage`'

function poolTerminated(title: string, refusedAfter: PoolEnd | null): string {
  switch (refusedAfter) {
    case null:
      return `the pool was terminated before \`${title}\` had ended`
    case 'drain':
      return `\`${title}\` was not taken: the pool was drained, and takes no more tasks`
    case 'terminate':
      return `\`${title}\` was not taken: the pool was terminated`
  }
}

function toError(value: unknown): Error | undefined {
  if (value instanceof Error) return value
  if (typeof value === 'string') return new Error(value)
  return isErrorRecord(value) ? new RemoteError(value) : undefined
}
