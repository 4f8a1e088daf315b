import { startRuntime } from '../worker/runtime.js'

await startRuntime()
