/** Failures of an install that mean something to whoever hears of them. */

const PERMANENT = Symbol.for('millhand.permanent')

/** The environment cannot be made, and another try would fail in the same way; `cause` is what a user should see. */
export class PermanentInstallError extends Error {
  /** Each of a worker's scripts has this class for itself. */
  static is(error: unknown): error is PermanentInstallError {
    return error instanceof Error && PERMANENT in error
  }

  readonly [PERMANENT] = true

  /** @param during what of the environment was being made, if the cause does not say it. */
  constructor(
    readonly during: string | undefined,
    cause: unknown,
  ) {
    super('the environment cannot be made', { cause })
  }
}

/** A module, a script or a function of the user's that does not run; `cause` is what it threw. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
  /** What failed: the loading of a module (another try may do), its own code, or a function that was given for it. */
  readonly at: 'loading' | 'running' | 'calling'

  constructor(message: string, at: ModuleError['at'], cause: unknown) {
    super(message, { cause })
    this.at = at
  }
}
