/** A process of Node, on some machine of an engine. It is as a thread is, but that nobody there sees its console. */

import process from 'node:process'
import type { Scope } from '../scope.js'
import { ConsoleLines } from './console-lines.js'
import { scope as threadScope } from './scope.js'

const output = [new ConsoleLines(process.stdout), new ConsoleLines(process.stderr)]

export const scope: Scope = {
  ...threadScope,
  captureConsole: (take) => output.forEach((lines) => lines.handTo(take)),
  pendingOutput: () => {
    output.forEach((lines) => lines.endLine())
    return null
  },
}
