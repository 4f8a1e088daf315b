/** Failures that mean something to whoever hears of them. */

/** A result that has no form in which it could be sent. */
export class UnclonableError extends Error {
  override readonly name = 'DataCloneError'
}
