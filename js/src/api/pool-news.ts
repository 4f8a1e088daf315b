/** What a pool tells: the host's events, as messages of tasks and as the pool's observables. No call goes in here. */

import type { Observable } from 'rxjs'
import { BehaviorSubject, filter, Subject } from 'rxjs'
import { platform } from '#platform'
import type { HostListener } from '../host.js'
import type { InstallError } from '../common/errors.js'
import { RemoteError, toErrorRecord } from '../wire/errors.js'
import { parseWorkerId, taskName, workerName } from '../wire/names.js'
import type { ErrorRecord, InstallEvent } from '../wire/protocol.js'
import { toExit, toInstallError } from './exit.js'
import type { CdnEvent, ExitReason, Message } from './messages.js'
import type { TaskStream } from './task-stream.js'
import type { TaskRecord, Trace, TraceRecorder } from './trace.js'

/** A worker that has its environment. */
export interface WorkerEntry {
  worker: WWorkerTrait
  /** Hot, without replay: every message of this worker's tasks. Completes with the pool. */
  channel$: Observable<Message>
}

/** A worker's handle. */
export interface WWorkerTrait {
  readonly id: string
}

export interface RunningTask {
  taskId: string
  title: string
  workerId: string
}

export interface PoolStats {
  queued: number
  running: number
  /** Workers that boot or install. */
  starting: number
  idle: number
  /** Tasks that ended, by how. */
  exits: Record<ExitReason, number>
}

/** What of the host's events is more than news. */
export interface PoolHooks {
  workerStarted: (worker: number) => void
  sourcesForbidden: () => void
  /** Hears of the install's progress, besides `cdnEvent$`. */
  cdnEvent: (event: CdnEvent) => void
  /** The call after which the pool takes no more tasks, if there was one. */
  endedBy: () => PoolEnd | null
}

/** A task that a worker has. */
interface Run {
  shown: RunningTask
  started_ms: number
}

/** How a user ends a pool. */
export type PoolEnd = 'drain' | 'terminate'

export class PoolNews {
  // What these are is said where users see them, in `WorkersPool`.
  readonly workers$ = new BehaviorSubject<Record<string, WorkerEntry>>({})
  readonly startedWorkers$ = new BehaviorSubject<string[]>([])
  readonly busyWorkers$ = new BehaviorSubject<string[]>([])
  readonly runningTasks$ = new BehaviorSubject<RunningTask[]>([])
  readonly stats$ = new BehaviorSubject<PoolStats>({ queued: 0, running: 0, starting: 0, idle: 0, exits: noExits() })
  readonly workerReleased$ = new Subject<{ workerId: string; taskId: string }>()
  readonly mergedChannel$ = new Subject<Message>()
  readonly cdnEvent$ = new Subject<CdnEvent>()
  /** Kept here because the host, once the pool has ended, holds it only loosely. */
  readonly listener: HostListener
  /** Ids of all live workers, also within a batch of the host's events. */
  readonly started = new Set<string>()
  lastWorker = 0
  /** Why the pool could not get workers, once it has given up. */
  failure: InstallError | null = null

  readonly #hooks: PoolHooks
  readonly #recorder: TraceRecorder
  /** When the current batch of events came, once somebody has asked. */
  #now_ms: number | null = null
  /** Tasks that have not ended. */
  readonly #streams = new Map<number, TaskStream>()
  readonly #running = new Map<number, Run>()
  readonly #exits = noExits()
  #ready: Record<string, WorkerEntry> = {}
  readonly #ending = new AbortController()
  /** Lets the program end; there while tasks are open. */
  #release: (() => void) | null = null

  constructor(hooks: PoolHooks, recorder: TraceRecorder) {
    this.#hooks = hooks
    this.#recorder = recorder
    this.listener = this.#makeListener()
  }

  /** Aborts when the pool has ended. */
  get ended(): AbortSignal {
    return this.#ending.signal
  }

  /** A task's messages go to `stream` until it has ended. To be called before the host has the task. */
  open(task: number, stream: TaskStream): void {
    this.#streams.set(task, stream)
    this.#release ??= platform.hold()
  }

  /** The install got on; `workerId` is `null` for what the page does for all workers. */
  report(event: InstallEvent, workerId: string | null): void {
    if (workerId === null) this.#recorder.installProgressed(null, event, performance.now())
    const cdnEvent = { ...event, workerId }
    this.cdnEvent$.next(cdnEvent)
    this.#hooks.cdnEvent(cdnEvent)
  }

  /** What was recorded, with what goes on now. */
  trace(): Trace {
    const now = performance.now()
    const open = [...this.#streams].map(([task, stream]) => {
      const run = this.#running.get(task)
      return recordOf(task, stream, run, run ? parseWorkerId(run.shown.workerId) : null, now, 'Open')
    })
    return this.#recorder.trace(open, now)
  }

  #makeListener(): HostListener {
    return {
      workerStarted: (worker) => {
        this.#recorder.workerStarted(worker, this.#now())
        this.lastWorker = worker
        this.started.add(workerName(worker))
        this.#hooks.workerStarted(worker)
      },
      installProgressed: (worker, event) => {
        const workerId = workerName(worker)
        this.#recorder.installProgressed(worker, event as InstallEvent, this.#now())
        this.report(event as InstallEvent, workerId)
        this.mergedChannel$.next({ type: 'CdnEvent', data: { taskId: null, workerId, event: event as InstallEvent } })
      },
      workerReady: (worker) => {
        this.#recorder.workerReady(worker, this.#now())
        const id = workerName(worker)
        const channel$ = this.mergedChannel$.pipe(filter((message) => message.data.workerId === id))
        this.#ready = { ...this.#ready, [id]: { worker: { id }, channel$ } }
      },
      workerGone: (worker) => {
        this.#recorder.workerGone(worker, this.#now())
        this.#ready = Object.fromEntries(Object.entries(this.#ready).filter(([id]) => id !== workerName(worker)))
        this.started.delete(workerName(worker))
        for (const [task, run] of this.#running) if (run.shown.workerId === workerName(worker)) this.#loseRun(task, worker, run)
      },
      sourcesForbidden: () => this.#hooks.sourcesForbidden(),
      taskStarted: (task, worker) => {
        const [taskId, workerId] = [taskName(task), workerName(worker)]
        const shown = { taskId, title: this.#streams.get(task)?.title ?? '', workerId }
        this.#running.set(task, { shown, started_ms: this.#now() })
        this.#tell(task, { type: 'Start', data: { taskId, workerId } })
      },
      taskLogged: (task, worker, text, json) =>
        this.#tell(task, { type: 'Log', data: { taskId: taskName(task), workerId: workerName(worker), text, json } }),
      taskSentData: (task, worker, payload) => {
        const fields = typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : {}
        const ids = { taskId: taskName(task), workerId: workerName(worker) }
        this.#tell(task, { type: 'Data', data: { ...fields, ...ids, payload } })
      },
      taskPostFailed: (task, worker, error) => {
        const data = { taskId: taskName(task), workerId: workerName(worker), error: new RemoteError(error as ErrorRecord) }
        this.#tell(task, { type: 'PostError', data })
      },
      taskExited: (task, worker, reason, value) => {
        this.#exits[reason] += 1
        this.#recordExit(task, worker, reason)
        this.#running.delete(task)
        const [taskId, workerId] = [taskName(task), worker === undefined ? null : workerName(worker)]
        const { title = '', isTaken = true } = this.#streams.get(task) ?? {}
        const refusedAfter = isTaken ? null : this.#hooks.endedBy()
        this.#tell(task, toExit({ taskId, workerId, reason, value, title, refusedAfter }))
        this.#streams.delete(task)
        if (workerId !== null) this.workerReleased$.next({ workerId, taskId })
      },
      poolFailed: (cause) => {
        this.failure = toInstallError(cause)
        this.report({ step: 'PoolFailed', error: toErrorRecord(this.failure) }, null)
      },
      batchEnded: (queued) => this.#update(queued),
      poolTerminated: () => this.#complete(),
      threw: (exception) => platform.reportError(exception),
    }
  }

  /** The time of the current batch: to ask the clock for each of its events would cost more than it tells. */
  #now(): number {
    return (this.#now_ms ??= performance.now())
  }

  /** Its worker is gone; it may run again. */
  #loseRun(task: number, worker: number, run: Run): void {
    this.#running.delete(task)
    const stream = this.#streams.get(task)
    if (stream) this.#recorder.taskEnded(recordOf(task, stream, run, worker, this.#now(), 'Retried'))
  }

  #recordExit(task: number, worker: number | undefined, reason: ExitReason): void {
    const stream = this.#streams.get(task)
    if (stream) this.#recorder.taskEnded(recordOf(task, stream, this.#running.get(task), worker ?? null, this.#now(), reason))
  }

  #tell(task: number, message: Message): void {
    this.#streams.get(task)?.push(message)
    this.mergedChannel$.next(message)
  }

  /** Brings what is derived from the host's events up to date. */
  #update(queued: number): void {
    this.#now_ms = null
    if (this.#streams.size === 0) this.#letGo()
    const running = [...this.#running.values()].map(({ shown }) => shown)
    const workers = Object.keys(this.#ready).length
    if (this.workers$.value !== this.#ready) this.workers$.next(this.#ready)
    if (!sameMembers(this.startedWorkers$.value, this.started)) this.startedWorkers$.next([...this.started])
    this.busyWorkers$.next(running.map((task) => task.workerId))
    this.runningTasks$.next(running)
    this.stats$.next({
      queued,
      running: running.length,
      starting: this.started.size - workers,
      idle: workers - running.length,
      exits: { ...this.#exits },
    })
  }

  #letGo(): void {
    this.#release?.()
    this.#release = null
  }

  #complete(): void {
    this.#letGo()
    this.#ending.abort()
    const subjects = [this.workers$, this.startedWorkers$, this.busyWorkers$, this.runningTasks$, this.stats$]
    for (const subject of [...subjects, this.workerReleased$, this.mergedChannel$, this.cdnEvent$]) subject.complete()
  }
}

function recordOf(
  task: number,
  { title, queued_ms }: TaskStream,
  run: Run | undefined,
  worker: number | null,
  ended_ms: number,
  reason: TaskRecord['reason'],
): TaskRecord {
  return { taskId: taskName(task), title, worker, queued_ms, started_ms: run?.started_ms ?? null, ended_ms, reason }
}

function noExits(): Record<ExitReason, number> {
  return {
    Completed: 0,
    Threw: 0,
    Unclonable: 0,
    Cancelled: 0,
    TimedOut: 0,
    QueueTimedOut: 0,
    WorkerLost: 0,
    InstallFailed: 0,
    Rejected: 0,
    PoolTerminated: 0,
  }
}

function sameMembers(list: string[], set: Set<string>): boolean {
  return list.length === set.size && list.every((member) => set.has(member))
}
