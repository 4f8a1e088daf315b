/** What a pool tells: the host's events, as messages of tasks and as the pool's observables. No call goes in here. */

import type { Observable } from 'rxjs'
import { BehaviorSubject, filter, Subject } from 'rxjs'
import { platform } from '#platform'
import type { EngineState, HostListener, WorkerLocation } from '../host.js'
import type { InstallError } from '../common/errors.js'
import { MillhandError } from '../common/errors.js'
import { RemoteError, toErrorRecord } from '../wire/errors.js'
import { taskName, workerName } from '../wire/names.js'
import type { ErrorRecord, InstallEvent, RemoteMachine } from '../wire/protocol.js'
import { toExit, toInstallError } from './exit.js'
import type { CdnEvent, ExitReason, Message } from './messages.js'
import type { TaskStream } from './task-stream.js'

/** A worker that has its environment. */
export interface WorkerEntry {
  worker: WWorkerTrait
  /** Hot, without replay: every message of this worker's tasks. Completes with the pool. */
  channel$: Observable<Message>
}

/** A worker's handle. */
export interface WWorkerTrait {
  readonly id: string
  /** Beside the pool, or on a machine of `pool.remote`. */
  readonly location: WorkerLocation
  /** Where a remote worker runs, once the engine has said so. */
  readonly machine?: RemoteMachine
}

/** How a pool is with the engine of its remote workers. */
export interface EngineStatus {
  /**
   * `none`: the pool has no `remote`, or has ended. `away`: it was lost, or could not be had, and is tried again. `failed`: there can be
   * no remote workers; the pool goes on without them.
   */
  state: EngineState | 'failed'
  /** Why it is `away` or `failed`. */
  error?: Error
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
  workerStarted: (worker: number, location: WorkerLocation) => void
  sourcesForbidden: () => void
  /** Hears of the install's progress, besides `cdnEvent$`. */
  cdnEvent: (event: CdnEvent) => void
  /** The call after which the pool takes no more tasks, if there was one. */
  endedBy: () => PoolEnd | null
}

/** How a user ends a pool. */
export type PoolEnd = 'drain' | 'terminate'

export class PoolNews {
  // What these are is said where users see them, in `WorkersPool`.
  readonly workers$ = new BehaviorSubject<Record<string, WorkerEntry>>({})
  readonly startedWorkers$ = new BehaviorSubject<string[]>([])
  readonly busyWorkers$ = new BehaviorSubject<string[]>([])
  readonly runningTasks$ = new BehaviorSubject<RunningTask[]>([])
  readonly engine$ = new BehaviorSubject<EngineStatus>({ state: 'none' })
  readonly stats$ = new BehaviorSubject<PoolStats>({ queued: 0, running: 0, starting: 0, idle: 0, exits: noExits() })
  readonly workerReleased$ = new Subject<{ workerId: string; taskId: string }>()
  readonly mergedChannel$ = new Subject<Message>()
  readonly cdnEvent$ = new Subject<CdnEvent>()
  /** Kept here because the host, once the pool has ended, holds it only loosely. */
  readonly listener: HostListener
  /** Ids of all live workers, also within a batch of the host's events. */
  readonly started = new Set<string>()
  readonly #remote = new Map<string, RemoteMachine | undefined>()
  lastWorker = 0
  /** Why the pool could not get workers, once it has given up. */
  failure: InstallError | null = null

  readonly #hooks: PoolHooks
  /** Tasks that have not ended. */
  readonly #streams = new Map<number, TaskStream>()
  readonly #running = new Map<number, RunningTask>()
  readonly #exits = noExits()
  #ready: Record<string, WorkerEntry> = {}
  readonly #ending = new AbortController()
  /** Lets the program end; there while tasks are open. */
  #release: (() => void) | null = null

  constructor(hooks: PoolHooks) {
    this.#hooks = hooks
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

  /** Whether a live worker is on another machine. */
  isRemote(workerId: string): boolean {
    return this.#remote.has(workerId)
  }

  /** The install got on; `workerId` is `null` for what the page does for all workers. */
  report(event: InstallEvent, workerId: string | null): void {
    const cdnEvent = { ...event, workerId }
    this.cdnEvent$.next(cdnEvent)
    this.#hooks.cdnEvent(cdnEvent)
  }

  #makeListener(): HostListener {
    return {
      workerStarted: (worker, location) => {
        this.lastWorker = worker
        this.started.add(workerName(worker))
        if (location === 'remote') this.#remote.set(workerName(worker), undefined)
        this.#hooks.workerStarted(worker, location)
      },
      installProgressed: (worker, event) => {
        const workerId = workerName(worker)
        const installEvent = event as InstallEvent
        if (installEvent.step === 'WorkerPlaced') this.#remote.set(workerId, installEvent.at)
        this.report(installEvent, workerId)
        this.mergedChannel$.next({ type: 'CdnEvent', data: { taskId: null, workerId, event: installEvent } })
      },
      workerReady: (worker) => {
        const id = workerName(worker)
        const channel$ = this.mergedChannel$.pipe(filter((message) => message.data.workerId === id))
        this.#ready = { ...this.#ready, [id]: { worker: this.#handleOf(id), channel$ } }
      },
      workerGone: (worker) => {
        this.#ready = Object.fromEntries(Object.entries(this.#ready).filter(([id]) => id !== workerName(worker)))
        this.started.delete(workerName(worker))
        this.#remote.delete(workerName(worker))
        for (const [task, { workerId }] of this.#running) if (workerId === workerName(worker)) this.#running.delete(task)
      },
      sourcesForbidden: () => this.#hooks.sourcesForbidden(),
      taskStarted: (task, worker) => {
        const [taskId, workerId] = [taskName(task), workerName(worker)]
        this.#running.set(task, { taskId, title: this.#streams.get(task)?.title ?? '', workerId })
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
      engineChanged: (state, cause) => {
        if (this.engine$.value.state === 'failed') return
        this.engine$.next(state === 'away' ? { state, error: toEngineError(cause) } : { state })
      },
      remoteFailed: (cause) => this.engine$.next({ state: 'failed', error: toEngineError(cause) }),
      batchEnded: (queued) => this.#update(queued),
      poolTerminated: () => this.#complete(),
      threw: (exception) => platform.reportError(exception),
    }
  }

  #tell(task: number, message: Message): void {
    this.#streams.get(task)?.push(message)
    this.mergedChannel$.next(message)
  }

  #handleOf(id: string): WWorkerTrait {
    const machine = this.#remote.get(id)
    const location = this.#remote.has(id) ? 'remote' : 'local'
    return machine ? { id, location, machine } : { id, location }
  }

  /** Brings what is derived from the host's events up to date. */
  #update(queued: number): void {
    if (this.#streams.size === 0) this.#letGo()
    const running = [...this.#running.values()]
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
    if (this.engine$.value.state !== 'failed') this.engine$.next({ state: 'none' })
    const subjects = [this.engine$, this.workers$, this.startedWorkers$, this.busyWorkers$, this.runningTasks$, this.stats$]
    for (const subject of [...subjects, this.workerReleased$, this.mergedChannel$, this.cdnEvent$]) subject.complete()
  }
}

/** What the host says of a lost engine, as an error. */
function toEngineError(cause: unknown): Error {
  return cause instanceof MillhandError ? cause : toInstallError(cause)
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
