/**
 * A port over a browser's module worker. Its death is noticed in three ways: the Web Lock that it holds becomes free, an
 * `error` event (a script that cannot be loaded, an uncaught exception), or a `messageerror` event (something it said was lost).
 */

import type { OpenPort } from '../host.js'

/** Where the worker's script is: beside this module. */
const WORKER_URL = new URL('./worker.js', import.meta.url).href

/** Throws what the constructor of `Worker` throws, for example where a policy forbids the script. */
export const openBrowserPort: OpenPort = (_, name, sink) => {
  const worker = new Worker(WORKER_URL, { type: 'module', name: `millhand ${name}` })
  worker.onmessage = ({ data }: MessageEvent<unknown>) => sink.received(data)
  worker.onmessageerror = () => sink.lost('a message of the worker could not be read')
  worker.onerror = (event) => sink.lost(describe(event))
  return {
    post: (batch, transfer) => worker.postMessage(batch, transfer),
    // Without locks the other two ways remain. The lock is granted once the worker is dead, however it died.
    watchLock: (name) => void navigator.locks.request(name, () => sink.lost('the worker ended')),
    terminate: () => {
      worker.onmessage = worker.onmessageerror = worker.onerror = null
      worker.terminate()
    },
  }
}

/** It is an `ErrorEvent` for an exception, and a bare `Event` for a script that did not load. */
function describe(event: Event): string {
  if (!(event instanceof ErrorEvent) || event.message === '') return `the worker's script \`${WORKER_URL}\` could not be loaded`
  return `${event.message} (${event.filename}:${event.lineno}:${event.colno})`
}
