/** Failures that mean something to whoever hears of them. */

/** The environment cannot be made, and another try would fail in the same way; `cause` is what a user should see. */
export class PermanentInstallError extends Error {
  /** @param during what of the environment was being made, if the cause does not say it. */
  constructor(
    readonly during: string | undefined,
    cause: unknown,
  ) {
    super('the environment cannot be made', { cause })
  }
}

/** An item of several failed; `cause` is what was thrown. */
export class ItemError extends Error {
  constructor(
    readonly index: number,
    cause: unknown,
  ) {
    super(`item ${index} failed`, { cause })
  }
}

/** A result that has no form in which it could be sent. */
export class UnclonableError extends Error {
  override readonly name = 'DataCloneError'
}
