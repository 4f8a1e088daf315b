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
import { CurrentValue } from './current-value.js'
import { toInstallError } from './exit.js'
import type { CdnEvent, ExitReason, Message } from './messages.js'
import type { TaskStream } from './task-stream.js'
import { TaskTable } from './task-table.js'
import type { TaskRecord, Trace, TraceRecorder } from './trace.js'
import { toStart } from './task-stream.js'

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
  /** How many tasks wait. */
  queued: () => number
}

/** How a user ends a pool. */
export type PoolEnd = 'drain' | 'terminate'

export class PoolNews {
  #hooks: PoolHooks | null = null
  readonly #recorder: TraceRecorder
  /** When the current batch of events came, once somebody has asked. */
  #now_ms: number | null = null
  /** Tasks that have not ended. */
  readonly #streams = new TaskTable<TaskStream>()
  /** Tasks that run, and who runs them. */
  readonly #running = new Map<number, number>()
  /** Tasks that have neither ended nor started again since their worker went. */
  readonly #lostRuns = new Map<number, { worker: number; gone_ms: number }>()
  readonly #exits = noExits()
  #ready: Record<string, WorkerEntry> = {}
  /** Names of the live workers, as they were asked for last. */
  #names: string[] = []
  readonly #ending = new AbortController()
  /** Lets the program end; there while tasks are open. */
  #release: (() => void) | null = null
  /** Ids of all live workers, also within a batch of the host's events. */
  readonly started = new Set<string>()
  /** Those that are on other machines, and which ones once they have them. */
  readonly #remote = new Map<string, RemoteMachine | undefined>()
  // What these are is said where users see them, in `WorkersPool`.
  readonly workers$ = new CurrentValue(() => this.#ready)
  readonly startedWorkers$ = new CurrentValue(() => this.#startedNames())
  readonly busyWorkers$ = new CurrentValue(() => [...this.#running.values()].map(workerName))
  readonly runningTasks$ = new CurrentValue(() => [...this.#running].map(([task, worker]) => this.#runningTask(task, worker)))
  readonly engine$ = new BehaviorSubject<EngineStatus>({ state: 'none' })
  readonly stats$ = new CurrentValue(() => this.#stats())
  readonly workerReleased$ = new Subject<{ workerId: string; taskId: string }>()
  readonly mergedChannel$ = new Subject<Message>()
  readonly cdnEvent$ = new Subject<CdnEvent>()
  /** Kept here because the host, once the pool has ended, holds it only loosely. */
  readonly listener: HostListener
  lastWorker = 0
  /** Why the pool could not get workers, once it has given up. */
  failure: InstallError | null = null

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
  open(stream: TaskStream): void {
    this.#streams.add(stream.id, stream)
    this.#release ??= platform.hold()
  }

  /** Whether a live worker is on another machine. */
  isRemote(workerId: string): boolean {
    return this.#remote.has(workerId)
  }

  /** The install got on; `workerId` is `null` for what the page does for all workers. */
  report(event: InstallEvent, workerId: string | null): void {
    if (workerId === null) this.#recorder.installProgressed(null, event, performance.now())
    const cdnEvent = { ...event, workerId }
    this.cdnEvent$.next(cdnEvent)
    this.#hooks?.cdnEvent(cdnEvent)
  }

  /** What was recorded, with what goes on now. */
  trace(): Trace {
    const now = performance.now()
    const open = this.#streams.values().map((stream) => recordOf(stream, this.#running.get(stream.id), now, 'Open'))
    return this.#recorder.trace(open, now)
  }

  #makeListener(): HostListener {
    return {
      workerStarted: (worker, location) => {
        this.#recorder.workerStarted(worker, this.#now())
        this.lastWorker = worker
        this.started.add(workerName(worker))
        if (location === 'remote') this.#remote.set(workerName(worker), undefined)
        this.#hooks?.workerStarted(worker, location)
      },
      installProgressed: (worker, event) => {
        const workerId = workerName(worker)
        const installEvent = event as InstallEvent
        this.#recorder.installProgressed(worker, installEvent, this.#now())
        if (installEvent.step === 'WorkerPlaced') this.#remote.set(workerId, installEvent.at)
        this.report(installEvent, workerId)
        this.mergedChannel$.next({ type: 'CdnEvent', data: { taskId: null, workerId, event: installEvent } })
      },
      workerReady: (worker) => {
        this.#recorder.workerReady(worker, this.#now())
        const id = workerName(worker)
        const channel$ = this.mergedChannel$.pipe(filter((message) => message.data.workerId === id))
        this.#ready = { ...this.#ready, [id]: { worker: this.#handleOf(id), channel$ } }
      },
      workerGone: (worker) => {
        this.#recorder.workerGone(worker, this.#now())
        this.#ready = Object.fromEntries(Object.entries(this.#ready).filter(([id]) => id !== workerName(worker)))
        this.started.delete(workerName(worker))
        this.#remote.delete(workerName(worker))
        for (const [task, runner] of this.#running) {
          if (runner !== worker) continue
          this.#running.delete(task)
          this.#lostRuns.set(task, { worker, gone_ms: this.#now() })
        }
      },
      sourcesForbidden: () => this.#hooks?.sourcesForbidden(),
      taskStarted: (task, worker) => {
        this.#running.set(task, worker)
        const stream = this.#streams.get(task)
        if (stream) {
          this.#recordLostRun(task, stream)
          stream.start(worker, this.#now())
        }
        if (this.mergedChannel$.observed) this.mergedChannel$.next(toStart(task, worker))
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
        const stream = this.#streams.get(task)
        if (!stream) return
        if (this.#lostRuns.get(task)?.worker !== worker) this.#recordLostRun(task, stream)
        this.#lostRuns.delete(task)
        this.#recorder.taskEnded(recordOf(stream, worker, this.#now(), reason))
        const refusedAfter = stream.isTaken ? null : (this.#hooks?.endedBy() ?? null)
        stream.finish({ worker: worker ?? null, reason, value, refusedAfter })
        if (this.mergedChannel$.observed && stream.exit) this.mergedChannel$.next(stream.exit)
        this.#streams.delete(task)
        if (worker !== undefined && this.workerReleased$.observed) {
          this.workerReleased$.next({ workerId: workerName(worker), taskId: taskName(task) })
        }
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
      batchEnded: () => this.#update(),
      poolTerminated: () => this.#complete(),
      threw: (exception) => platform.reportError(exception),
    }
  }

  /** The time of the current batch: to ask the clock for each of its events would cost more than it tells. */
  #now(): number {
    return (this.#now_ms ??= performance.now())
  }

  /** The task goes on elsewhere, or waits: what it did on a worker that is gone is a record of its own. */
  #recordLostRun(task: number, stream: TaskStream): void {
    const lost = this.#lostRuns.get(task)
    if (!lost) return
    this.#recorder.taskEnded(recordOf(stream, lost.worker, lost.gone_ms, 'Retried'))
    stream.started_ms = null
    this.#lostRuns.delete(task)
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

  /** Tells what is derived from the host's events. */
  #update(): void {
    this.#now_ms = null
    if (this.#streams.isEmpty) this.#letGo()
    this.workers$.tell()
    this.startedWorkers$.tell()
    this.busyWorkers$.tell()
    this.runningTasks$.tell()
    this.stats$.tell()
  }

  #startedNames(): string[] {
    if (!sameMembers(this.#names, this.started)) this.#names = [...this.started]
    return this.#names
  }

  #runningTask(task: number, worker: number): RunningTask {
    const title = this.#streams.get(task)?.traits.title ?? ''
    return { taskId: taskName(task), title, workerId: workerName(worker) }
  }

  #stats(): PoolStats {
    const workers = Object.keys(this.#ready).length
    return {
      queued: this.#hooks?.queued() ?? 0,
      running: this.#running.size,
      starting: this.started.size - workers,
      idle: workers - this.#running.size,
      exits: { ...this.#exits },
    }
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

function recordOf(stream: TaskStream, worker: number | undefined, batch_ms: number, reason: TaskRecord['reason']): TaskRecord {
  const { id, traits, queued_ms, started_ms } = stream
  const ended_ms = Math.max(batch_ms, started_ms ?? queued_ms)
  return { task: id, title: traits.title, worker: worker ?? null, queued_ms, started_ms, ended_ms, reason }
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
