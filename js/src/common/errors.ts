/** Every error that millhand itself raises: a stable `code`, a sentence that names the thing, and what to do. */

import type { ExitReason } from '../host.js'

export type ErrorCode =
  | 'invalid-input'
  | 'install-failed'
  | 'task-threw'
  | 'unclonable'
  | 'cancelled'
  | 'timed-out'
  | 'queue-timed-out'
  | 'rejected'
  | 'source-forbidden'
  | 'unread-overflow'
  | 'worker-lost'
  | 'gateway-unreachable'
  | 'token-refused'
  | 'engine-down'
  | 'pool-terminated'
  | 'unsupported'

export interface ErrorDetails {
  /** What to do about it. */
  hint?: string | undefined
  cause?: unknown
}

export class MillhandError extends Error {
  // By hand, here and below: class names do not survive minification.
  static {
    this.prototype.name = 'MillhandError'
  }
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, { hint, cause }: ErrorDetails = {}) {
    super(hint === undefined ? message : `${message}\nhint: ${hint}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }
}

/** A call that cannot be carried out as given; nothing was changed by it. */
export class InvalidInputError extends MillhandError {
  static {
    this.prototype.name = 'InvalidInputError'
  }
  /** The path of the field, as in `pool.startAt`. */
  readonly field: string
  /** What stood there. */
  readonly value: unknown

  constructor(field: string, value: unknown, problem: string, hint?: string) {
    super('invalid-input', `\`${field}\` (${inspect(value)}) ${problem}`, { hint })
    this.field = field
    this.value = value
  }
}

/** The workers' environment cannot be had. */
export class InstallError extends MillhandError {
  static {
    this.prototype.name = 'InstallError'
  }
  /** The server's own code, where a server said why: `unknown-python-package`, `offline`, … */
  readonly detail: string | undefined

  constructor(message: string, { detail, ...details }: ErrorDetails & { detail?: string | undefined } = {}) {
    super('install-failed', message, details)
    this.detail = detail
  }
}

/** A task that did not complete. */
export class TaskError extends MillhandError {
  static {
    this.prototype.name = 'TaskError'
  }
  readonly reason: Exclude<ExitReason, 'Completed'>
  readonly taskId: string
  /** Where it ran, if it did. */
  readonly workerId: string | null

  constructor(
    exit: { reason: Exclude<ExitReason, 'Completed'>; taskId: string; workerId: string | null },
    message: string,
    details?: ErrorDetails,
  ) {
    super(CODES[exit.reason], message, details)
    this.reason = exit.reason
    this.taskId = exit.taskId
    this.workerId = exit.workerId
  }
}

const CODES: Record<Exclude<ExitReason, 'Completed'>, ErrorCode> = {
  Threw: 'task-threw',
  Unclonable: 'unclonable',
  Cancelled: 'cancelled',
  TimedOut: 'timed-out',
  QueueTimedOut: 'queue-timed-out',
  Rejected: 'rejected',
  WorkerLost: 'worker-lost',
  InstallFailed: 'install-failed',
  PoolTerminated: 'pool-terminated',
}

/** An error's message without the hint that it may end with. */
export function sentenceOf(error: Error): string {
  return isMillhandError(error) && error.hint !== undefined
    ? error.message.slice(0, -`\nhint: ${error.hint}`.length)
    : error.message
}

export function isMillhandError(value: unknown): value is MillhandError {
  return value instanceof MillhandError
}

/** A value, short enough for a sentence. */
export function inspect(value: unknown): string {
  const text = typeof value === 'function' ? `function ${value.name}` : (stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
