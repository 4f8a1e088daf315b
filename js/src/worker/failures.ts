/** Failures that mean something to whoever hears of them. */

/** The environment cannot be made, and another try would fail in the same way; `cause` is what a user should see. */
export class PermanentInstallError extends Error {}

/** A result that has no form in which it could be sent. */
export class UnclonableError extends Error {
  override readonly name = 'DataCloneError'
}
