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
  /** What the worker was at, where the task or the install has several such: `item 3` of a `map`. */
  readonly during: string | undefined

  constructor(record: ErrorRecord) {
    super(record.message)
    Object.assign(this, record.properties)
    this.python = record.python
    this.during = record.during
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

/** Whatever was thrown, as a record. It never throws: what cannot be read of a hostile value is left out. */
export function toErrorRecord(thrown: unknown, depth = 0): ErrorRecord {
  if (!(thrown instanceof Error)) return recordOfOther(thrown)
  const record: ErrorRecord = {
    name: attempt(() => String(thrown.name), 'Error'),
    message: attempt(() => String(thrown.message), ''),
    stack: attempt(() => String(thrown.stack ?? ''), ''),
    properties: cloneableProperties(thrown),
  }
  const cause = attempt(() => causeRecord(thrown.cause, depth), undefined)
  const errors = attempt(() => memberRecords(thrown, depth), undefined)
  const type = attempt(() => (thrown as { type?: unknown }).type, undefined)
  if (cause) record.cause = cause
  if (errors) record.errors = errors
  if (record.name === 'PythonError' && typeof type === 'string') record.python = { type, traceback: record.message }
  return record
}

export function isErrorRecord(value: unknown): value is ErrorRecord {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value && 'properties' in value
}

export function isCloneable(value: unknown): boolean {
  return attempt(() => {
    structuredClone(value)
    return true
  }, false)
}

function recordOfOther(thrown: unknown): ErrorRecord {
  return {
    name: 'Error',
    message: `a value that is no error was thrown: ${describe(thrown)}`,
    stack: '',
    properties: {},
    ...(isCloneable(thrown) ? { cause: { value: thrown } } : {}),
  }
}

function causeRecord(cause: unknown, depth: number): ErrorRecord['cause'] {
  if (cause === undefined || depth >= MAX_CAUSES) return undefined
  if (cause instanceof Error) return toErrorRecord(cause, depth + 1)
  return isCloneable(cause) ? { value: cause } : undefined
}

function memberRecords(thrown: Error, depth: number): ErrorRecord[] | undefined {
  const { errors } = thrown as { errors?: unknown }
  if (!Array.isArray(errors) || depth >= MAX_CAUSES) return undefined
  return errors.map((member) => toErrorRecord(member, depth + 1))
}

function cloneableProperties(error: object): Record<string, unknown> {
  const skipped = new Set(['name', 'message', 'stack', 'cause', 'errors'])
  const properties: Record<string, unknown> = {}
  for (const key of attempt(() => Object.keys(error), [])) {
    const value = attempt(() => (error as Record<string, unknown>)[key], undefined)
    if (!skipped.has(key) && value !== undefined && isCloneable(value)) properties[key] = value
  }
  return properties
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value
  return attempt(() => JSON.stringify(value), undefined) ?? attempt(() => String(value), 'a value that has no text')
}

function attempt<T, Otherwise>(act: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return act()
  } catch {
    return otherwise
  }
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: false })
}
