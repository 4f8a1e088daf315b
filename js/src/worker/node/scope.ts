/** A thread of Node. */

// Not the globals: a pool may give these names to something else.
import { Buffer } from 'node:buffer'
import process from 'node:process'
import type { Scope } from '../scope.js'
import { startPython } from '../python-runtime.js'
import { startPyodide } from './pyodide.js'

export const scope: Scope = {
  // The end of a thread or a process is an event of its own.
  holdLifeLock: async () => null,
  // Node imports no blobs.
  importCode: (code) => import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`),
  startPython: (setup, options) => startPython({ fromFiles: startPyodide, fromImage: null }, setup, options),
  // It would be lost if the process ended with the task.
  pendingOutput: () => {
    const pending = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0)
    return pending.length === 0 ? null : Promise.all(pending.map(drain)).then(() => undefined)
  },
  captureConsole: () => undefined,
  beforeEnd: (act) => {
    process.on('exit', act)
    process.on('uncaughtExceptionMonitor', act)
  },
  reportRejections: (isMeant) => {
    process.on('unhandledRejection', (reason) => {
      if (!isMeant(reason)) console.error('Uncaught (in promise)', reason)
    })
  },
}

/** Twice: a thread's first word of having been heard may be for what was written before. */
async function drain(stream: NodeJS.WriteStream): Promise<void> {
  for (let round = 0; round < 2; round += 1) await new Promise<void>((resolve) => stream.write('', () => resolve()))
}
