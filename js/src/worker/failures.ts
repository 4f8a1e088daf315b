/** Failures that mean something to whoever hears of them. */

/** An item of several failed; `cause` is what was thrown. */
export class ItemError extends Error {
  constructor(
    readonly index: number,
    cause: unknown,
  ) {
    super(`item ${index} failed`, { cause })
  }
}

const UNCLONABLE = Symbol.for('millhand.unclonable')

/** A result that has no form in which it could be sent. */
export class UnclonableError extends Error {
  /** Each of a worker's scripts has this class for itself. */
  static is(error: unknown): error is UnclonableError {
    return error instanceof Error && UNCLONABLE in error
  }

  override readonly name = 'DataCloneError'
  readonly [UNCLONABLE] = true
}

/** Makes `error` an uncaught one: the worker dies of it, and the page hears why. */
export function die(error: unknown): void {
  setTimeout(() => {
    throw error
  })
}
