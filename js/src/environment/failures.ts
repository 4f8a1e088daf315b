/** Failures of an install that mean something to whoever hears of them. */

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

/** A module or a script that does not run; `cause` is what it threw. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
  /** Whether it could not be loaded, rather than run: another try may do. */
  readonly isPassing: boolean

  constructor(message: string, cause: unknown, isPassing = false) {
    super(message, { cause })
    this.isPassing = isPassing
  }
}
