/** Values on their way to workers: copied at the call, so that what is wrong with them is said there. */

import { InvalidInputError } from './errors.js'

/** A value as it was at the call, and what of it is moved on when it is sent. */
export interface Snapshot {
  value: unknown
  transfer: Transferable[] | undefined
}

/**
 * Copies `value`, moving what is in `transfer`: what its user does with it afterwards does not matter.
 * @throws InvalidInputError that names the part that cannot be cloned.
 */
export function snapshot(value: unknown, field: string, transfer?: Transferable[]): Snapshot {
  if (!transfer && isPrimitive(value)) return { value, transfer: undefined }
  try {
    const pair: [unknown, Transferable[] | undefined] = [value, transfer]
    const [copy, moved] = structuredClone(pair, transfer && { transfer })
    return { value: copy, transfer: moved }
  } catch (exception) {
    throw (transfer && immovable(transfer)) ?? unclonable(value, field, exception)
  }
}

/** The error for a list of what is to be moved, if it is at fault. */
function immovable(transfer: unknown[]): InvalidInputError | undefined {
  for (const [index, item] of transfer.entries()) {
    const refuse = (problem: string, hint?: string) => new InvalidInputError(`transfer[${index}]`, item, problem, hint)
    if (ArrayBuffer.isView(item)) {
      const name = item.constructor.name
      return refuse(`is a \`${name}\`, which cannot be moved; its buffer can`, 'give `array.buffer`, which moves the array with it')
    }
    if (isDetached(item)) return refuse('has been moved before, and is empty')
    if (transfer.indexOf(item) < index) return refuse('is in the list twice')
    if (isPrimitive(item)) return refuse('cannot be moved: only objects such as an `ArrayBuffer` or a `MessagePort` can')
    if (typeof SharedArrayBuffer !== 'undefined' && item instanceof SharedArrayBuffer) {
      return refuse('is shared with the worker as it is, and cannot be moved', 'leave it out of `transfer`')
    }
  }
  return undefined
}

/** Whether it is a buffer whose content was moved elsewhere. */
function isDetached(value: unknown): boolean {
  if (!(value instanceof ArrayBuffer) || value.byteLength > 0) return false
  try {
    return new Uint8Array(value).length > 0
  } catch {
    return true
  }
}

/** The error for a value that cannot be cloned, with the path to the part that is at fault if it is found. */
function unclonable(value: unknown, field: string, exception: unknown): InvalidInputError {
  const found = findSafely(value, field)
  const hint = 'send plain data; give functions through `globals`, or call them in the entry point'
  if (found) return new InvalidInputError(found.path, found.value, `is ${found.what}, which cannot be copied into a worker`, hint)
  const why = exception instanceof Error ? exception.message : String(exception)
  return new InvalidInputError(field, value, `cannot be copied into a worker: ${why}`, hint)
}

/** Looking at a value may run code of its user's; what that throws is no answer. */
function findSafely(value: unknown, field: string): Unclonable | null {
  try {
    return find(value, field, new Set())
  } catch {
    return null
  }
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') || value === null
}

interface Unclonable {
  path: string
  value: unknown
  what: string
}

/** The first part of `value` that is known not to be cloneable, through arrays, maps, sets and objects. */
function find(value: unknown, path: string, seen: Set<object>): Unclonable | null {
  if (typeof value === 'function') return { path, value, what: 'a function' }
  if (typeof value === 'symbol') return { path, value, what: 'a symbol' }
  if (typeof value !== 'object' || value === null || seen.has(value)) return null
  const refused = REFUSED.find((type) => value instanceof type)
  if (refused) return { path, value, what: `a \`${refused.name}\`` }
  if (typeof Node !== 'undefined' && value instanceof Node) return { path, value, what: 'a DOM node' }
  if (isDetached(ArrayBuffer.isView(value) ? value.buffer : value)) return { path, value, what: 'a buffer that was moved before' }
  seen.add(value)
  for (const [memberPath, member] of membersOf(value, path)) {
    const found = find(member, memberPath, seen)
    if (found) return found
  }
  return null
}

const REFUSED = [WeakMap, WeakSet, WeakRef, Promise]

function* membersOf(value: object, path: string): Iterable<[path: string, member: unknown]> {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) yield [`${path}[${index}]`, member]
  } else if (value instanceof Map) {
    for (const [key, member] of value) {
      yield [`${path} (a key)`, key]
      yield [`${path}.get(${String(key)})`, member]
    }
  } else if (value instanceof Set) {
    for (const member of value) yield [`${path} (a member)`, member]
  } else if (Object.prototype.toString.call(value) === '[object Object]') {
    for (const [key, member] of Object.entries(value)) yield [`${path}.${key}`, member]
  }
}
