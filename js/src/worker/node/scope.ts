/** A thread or a process of Node. */

import type { Scope } from '../scope.js'
import { startPyodide } from './pyodide.js'

export const scope: Scope = {
  // The end of a thread or a process is an event of its own.
  holdLifeLock: async () => null,
  // Node imports no blobs.
  importCode: (code) => import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`),
  startPyodide,
  reportRejections: (isMeant) => {
    process.on('unhandledRejection', (reason) => {
      if (!isMeant(reason)) console.error('Uncaught (in promise)', reason)
    })
  },
}
