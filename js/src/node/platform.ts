/** Node, as pools see it. */

import { availableParallelism, totalmem } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { Platform } from '../api/platform.js'
import { setupsOf } from './setup.js'
import { threadOpener } from './thread-port.js'

const BYTES_PER_GB = 2 ** 30
/** As long as a timer may last. */
const LONG_MS = 2 ** 31 - 1

export const platform: Platform = {
  portOpener: ({ resourceLimits }) => threadOpener(resourceLimits ?? {}),
  machine: () => {
    const bound = process.constrainedMemory()
    // Without a bound it is 0, or more than there is.
    const bytes = bound > 0 ? Math.min(bound, totalmem()) : totalmem()
    return { cores: availableParallelism(), memory_gb: bytes / BYTES_PER_GB }
  },
  baseUrl: () => pathToFileURL(`${process.cwd()}/`).href,
  setupsOf,
  // What a thread posts is not always sent before `process.exit` ends it.
  postsAhead: false,
  hold: () => {
    const timer = setInterval(() => undefined, LONG_MS)
    return () => clearInterval(timer)
  },
  reportError: (error) => {
    queueMicrotask(() => {
      throw error
    })
  },
}
