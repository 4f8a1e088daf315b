/** The script of a module worker. */

import { startRuntime } from '../worker/runtime.js'
import { channel } from '../worker/web/scope.js'

await startRuntime(channel)
