/** Errors as records that survive the way between threads, and back. Used by the worker and by the page. */

import type { ErrorRecord } from './protocol.js'

/** The most causes that are followed, so that a cycle ends. */
const MAX_CAUSES = 8

/** An error that happened in a worker: name, message, stack, cause and own properties are those of the original. */
export class RemoteError extends Error {
  /** The Python exception's type and traceback, where the error came out of Python. */
  readonly python: { type: string; traceback: string } | undefined
  /** The members of an `AggregateError`. */
  readonly errors: RemoteError[] | undefined

  constructor(record: ErrorRecord) {
    super(record.message)
    Object.assign(this, record.properties)
    this.python = record.python
    this.errors = record.errors?.map((member) => new RemoteError(member))
    define(this, 'name', record.name)
    define(this, 'stack', record.stack)
    if (record.cause) {
      define(this, 'cause', 'value' in record.cause ? record.cause.value : new RemoteError(record.cause))
    }
  }

  /** `JSON.stringify` of an error is `{}` otherwise. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message, stack: this.stack }
  }
}

/** Whatever was thrown, as a record. */
export function toErrorRecord(thrown: unknown, depth = 0): ErrorRecord {
  if (!isErrorLike(thrown)) {
    return {
      name: 'Error',
      message: `a value that is no error was thrown: ${describe(thrown)}`,
      stack: '',
      properties: {},
      ...(isCloneable(thrown) ? { cause: { value: thrown } } : {}),
    }
  }
  const record: ErrorRecord = {
    name: String(thrown.name),
    message: String(thrown.message),
    stack: String(thrown.stack ?? ''),
    properties: cloneableProperties(thrown),
  }
  const { cause, errors } = thrown
  if (cause !== undefined && depth < MAX_CAUSES) {
    if (isErrorLike(cause)) record.cause = toErrorRecord(cause, depth + 1)
    else if (isCloneable(cause)) record.cause = { value: cause }
  }
  if (Array.isArray(errors) && depth < MAX_CAUSES) {
    record.errors = errors.map((member) => toErrorRecord(member, depth + 1))
  }
  const type = thrown.type
  if (record.name === 'PythonError' && typeof type === 'string') {
    record.python = { type, traceback: record.message }
  }
  return record
}

interface ErrorLike {
  name: unknown
  message: unknown
  stack?: unknown
  cause?: unknown
  errors?: unknown
  type?: unknown
}

function isErrorLike(value: unknown): value is ErrorLike {
  return value instanceof Error || (typeof DOMException !== 'undefined' && value instanceof DOMException)
}

function cloneableProperties(error: object): Record<string, unknown> {
  const skipped = new Set(['name', 'message', 'stack', 'cause', 'errors'])
  const entries = Object.entries(error).filter(([key, value]) => !skipped.has(key) && isCloneable(value))
  return Object.fromEntries(entries)
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

function describe(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  } catch {
    return String(value)
  }
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: false })
}
