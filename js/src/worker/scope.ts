/** What a worker asks of where it runs: a web worker or Node. A build has one of them, as `#scope`. */

import type { PythonSetup } from '../wire/protocol.js'
import type { Python, PythonOptions } from './python.js'

export interface Scope {
  /** Takes a lock that is free again once this worker is dead; gives its name, or `null` where there are none. */
  holdLifeLock(): Promise<string | null>
  /** Imports code as a module of its own. */
  importCode(code: string): Promise<Record<string, unknown>>
  startPython(setup: PythonSetup, options: PythonOptions): Promise<Python>
  /** Resolves when what the worker has written to its console is with whoever shows it; `null` if it is already. */
  pendingOutput(): Promise<void> | null
  /** Where nobody would see this worker's console: hands its lines to `take`; those that it refuses go where they went before. */
  captureConsole(take: (line: string) => boolean): void
  /** Calls `act` before this worker ends by its own doing: it closes itself, or an error is not caught. */
  beforeEnd(act: () => void): void
  /** From now on a rejection that nobody handles is reported, and ends nothing; one that `isMeant` is not even reported. */
  reportRejections(isMeant: (reason: unknown) => boolean): void
}
