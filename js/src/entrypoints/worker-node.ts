/** The script of a thread of Node. */

import { threadChannel } from '../worker/node/thread.js'
import { startRuntime } from '../worker/runtime.js'

await startRuntime(threadChannel())
