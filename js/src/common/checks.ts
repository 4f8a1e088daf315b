/** Checks of what users give: each throws an {@link InvalidInputError} that names the field and the value. */

import { InvalidInputError } from './errors.js'

/** Refuses options that nobody reads: a slip of the keyboard would be silent otherwise. `hint` is for what is no object. */
export function checkOptions(field: string, input: unknown, known: readonly string[], hint?: string): void {
  checkObject(field, input, hint)
  const unknown = Object.keys(input).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const path = field === 'input' ? unknown : `${field}.${unknown}`
  throw new InvalidInputError(path, input[unknown], 'is not an option', `options are ${known.join(', ')}`)
}

export function checkObject(field: string, input: unknown, hint?: string): asserts input is Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInputError(field, input, 'is not an object', hint)
  }
}

/** A whole number within bounds. */
export function parseCount(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidInputError(field, value, `is not a whole number from ${min} to ${max}`)
  }
  return value
}

export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidInputError('signal', signal, 'is not an AbortSignal', 'give `controller.signal`')
  }
}

export function checkText(field: string, text: unknown): void {
  if (text !== undefined && typeof text !== 'string') throw new InvalidInputError(field, text, 'is not a string')
}

export function isIdentifier(name: unknown): name is string {
  return typeof name === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name)
}
