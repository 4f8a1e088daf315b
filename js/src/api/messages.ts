/** What a task says while it lives. Every task has one `Exit`, its last message; `Start` is its first, if it started. */

import type { ExitReason } from '../host.js'
import type { InstallEvent } from '../wire/protocol.js'
import type { RemoteError } from '../wire/errors.js'

export type { ExitReason, InstallEvent }

export type Message = MessageStart | MessageLog | MessageData | MessagePostError | MessageCdnEvent | MessageExit

/** A worker took the task up. */
export interface MessageStart {
  type: 'Start'
  data: { taskId: string; workerId: string }
}

/** From `context.info(text, json)`, and from Python's standard output. */
export interface MessageLog {
  type: 'Log'
  data: { taskId: string; workerId: string; text: string; json: unknown }
}

/** From `context.sendData(payload)`; an object's own fields are fields of `data` too, but for the ids. */
export interface MessageData {
  type: 'Data'
  data: { taskId: string; workerId: string; payload: unknown; [field: string]: unknown }
}

/** Something that the task wanted to send could not be cloned; the task goes on. */
export interface MessagePostError {
  type: 'PostError'
  data: { taskId: string; workerId: string; error: RemoteError }
}

/** A worker got on with its install; it belongs to no task. */
export interface MessageCdnEvent {
  type: 'CdnEvent'
  data: { taskId: null; workerId: string; event: InstallEvent }
}

/** The task ended. */
export interface MessageExit {
  type: 'Exit'
  data: {
    taskId: string
    /** `null` if it never started. */
    workerId: string | null
    /** `false` for `Completed`, `true` for every other reason. */
    error: boolean
    /** What the entry point returned, or the error. */
    result: unknown
    reason: ExitReason
  }
}

/** Install progress of a pool; `workerId` is `null` for what the page does for all workers. */
export type CdnEvent = InstallEvent & { workerId: string | null }
