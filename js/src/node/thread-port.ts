/**
 * A port over a thread of Node. Its death is noticed by its `error` event (an uncaught exception, no memory left) and by its
 * `exit` event (`process.exit`, or whatever else ended it).
 */

import type { ResourceLimits, TransferListItem } from 'node:worker_threads'
import { Worker } from 'node:worker_threads'
import type { OpenPort } from '../host.js'

/** Where the worker's script is: beside this module. */
const WORKER_URL = new URL('./worker.js', import.meta.url)

/** A program that came as text (`node --input-type=module --eval …`) has an option that a thread would take for its own script. */
const OPTIONS = process.execArgv.some((option) => option.startsWith('--input-type')) ? { execArgv: [] } : {}

/** A thread keeps no process alive: open tasks do (`Platform.hold`). */
export function threadOpener(resourceLimits: ResourceLimits): OpenPort {
  return (_, name, sink) => {
    const worker = new Worker(WORKER_URL, { name: `millhand ${name}`, resourceLimits, ...OPTIONS })
    worker.on('message', (batch: unknown) => sink.received(batch))
    worker.on('messageerror', () => sink.lost('a message of the worker could not be read'))
    worker.on('error', (error) => sink.lost(describe(error)))
    worker.on('exit', (code) => sink.lost(`its thread ended with exit code ${code}`))
    worker.unref()
    return {
      post: (batch, transfer) => worker.postMessage(batch, transfer as TransferListItem[]),
      // The thread's end is an event.
      watchLock: () => undefined,
      terminate: () => {
        worker.removeAllListeners()
        // What it throws on its way out is of no interest, and would end the process.
        worker.on('error', () => undefined)
        void worker.terminate()
      },
    }
  }
}

/** Anything can be thrown; what has no message was made one by Node. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return `it ran out of memory (${error.message})`
  const place = /\(?([^\s()]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1]
  return `Uncaught ${error.name}: ${error.message}${place === undefined ? '' : ` (${place})`}`
}
