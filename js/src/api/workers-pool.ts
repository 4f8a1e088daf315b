/** The pool as its user sees it. It checks inputs, and turns what the host tells into messages and observables. */

import type { Observable } from 'rxjs'
import { BehaviorSubject, filter, Subject } from 'rxjs'
import type { HostListener } from '../host.js'
import { Host } from '../host.js'
import { prepareSetup } from '../install/setup.js'
import { RemoteError } from '../wire/errors.js'
import type { ErrorRecord, InstallEvent } from '../wire/protocol.js'
import { InvalidInputError, MillhandError } from './errors.js'
import { toExit, toInstallError } from './exit.js'
import { FunctionTable } from './functions.js'
import type { WorkersPoolInput } from './inputs.js'
import { checkCloneable, checkOptions, MAX_WORKERS, parseCount, parsePoolInput } from './inputs.js'
import type { CdnEvent, ExitReason, Message } from './messages.js'
import { parseTaskId, parseWorkerId, taskName, workerName } from './names.js'
import type { EntryPoint } from './task.js'
import { Task } from './task.js'
import { DEFAULT_REPLAY, MAX_REPLAY, TaskStream } from './task-stream.js'

/** Where the worker's script is: beside this module. */
const WORKER_URL = new URL('./worker.js', import.meta.url).href

/** What `schedule` takes. */
export interface ScheduleInput<Args, Result> extends TaskOptions {
  entryPoint: EntryPoint<Args, Result>
  args?: Args
}

export interface TaskOptions {
  /** For people who watch the pool; the entry point's name otherwise. */
  title?: string
  /** The only worker that may run the task, a key of `workers$`. If it is gone, the task exits `WorkerLost`. */
  targetWorkerId?: string
  /** Higher goes first among queued tasks; 0 otherwise. Equal ones keep the order of their calls. */
  priority?: number
  /** How many of its last messages a late subscriber gets, besides `Start` and `Exit`; 1,000 otherwise. */
  replay?: number
}

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

/**
 * A pool of workers that all have one environment. It starts with its construction.
 *
 * The observables below are hot and complete when the pool is terminated. Those with a current value are
 * `BehaviorSubject`s, updated at most once per batch of what workers say.
 */
export class WorkersPool {
  /** Workers that have their environment, by id. */
  readonly workers$ = new BehaviorSubject<Record<string, WorkerEntry>>({})
  /** Ids of all live workers, from the moment that they start to boot. */
  readonly startedWorkers$ = new BehaviorSubject<string[]>([])
  /** Ids of the workers that run a task. */
  readonly busyWorkers$ = new BehaviorSubject<string[]>([])
  readonly runningTasks$ = new BehaviorSubject<RunningTask[]>([])
  readonly stats$ = new BehaviorSubject<PoolStats>({ queued: 0, running: 0, starting: 0, idle: 0, exits: noExits() })
  /** Each time that a worker has ended a task. */
  readonly workerReleased$ = new Subject<{ workerId: string; taskId: string }>()
  /** Every message of every task and of every install. */
  readonly mergedChannel$ = new Subject<Message>()
  /** Progress of the install. */
  readonly cdnEvent$ = new Subject<CdnEvent>()

  readonly #host: Host
  readonly #stretchTo: number
  readonly #functions: FunctionTable
  /** Tasks that have not ended. */
  readonly #streams = new Map<number, TaskStream>()
  readonly #started = new Set<string>()
  readonly #running = new Map<number, RunningTask>()
  readonly #exits = noExits()
  #ready: Record<string, WorkerEntry> = {}
  #terminated = false
  #lastTask = 0
  #lastWorker = 0

  /** @throws InvalidInputError for an input that cannot be meant. */
  constructor(input: WorkersPoolInput = {}) {
    const plan = parsePoolInput(input, navigator.hardwareConcurrency)
    const report = (event: InstallEvent, workerId: string | null = null): void => {
      const cdnEvent = { ...event, workerId }
      this.cdnEvent$.next(cdnEvent)
      plan.cdnEvent$?.next(cdnEvent)
    }
    const prepare = (): Promise<unknown> =>
      prepareSetup(plan, (event) => {
        report(event)
        this.#host.noteSetupProgress()
      })
    // Not within the constructor: nobody could subscribe before the first event.
    const setup = Promise.resolve().then(prepare)
    this.#host = new Host(plan.settings, WORKER_URL, setup, this.#listener(report))
    this.#stretchTo = plan.settings.stretchTo
    this.#functions = new FunctionTable((source) => this.#host.define(source))
  }

  /**
   * Queues a task, at the call. The stream is hot: the task runs once, whoever subscribes and when. It never errors:
   * every task ends with one `Exit`.
   * @throws InvalidInputError for what cannot be sent or cannot be meant.
   */
  schedule<Args, Result>(input: ScheduleInput<Args, Result>): Observable<Message> {
    return this.#submit(input).stream.message$
  }

  /**
   * Queues a task whose result can be awaited.
   * @throws InvalidInputError for what cannot be sent or cannot be meant.
   */
  run<Args, Result>(entryPoint: EntryPoint<Args, Result>, args?: Args, options: TaskOptions = {}): Task<Result> {
    checkOptions('options', options, TASK_OPTIONS)
    const { id, stream } = this.#submit({ ...options, entryPoint, ...(args === undefined ? {} : { args }) })
    const taskId = taskName(id)
    return new Task(taskId, stream.message$, (data) => this.sendData({ taskId, data }))
  }

  /**
   * Sends data to a task's `context.onData`; what is sent before the task starts waits for it. `false` if the task has ended.
   * @throws InvalidInputError for a task that never was, or data that cannot be cloned.
   */
  sendData({ taskId, data }: { taskId: string; data: unknown }): boolean {
    const id = parseTaskId(taskId)
    if (id === null || id > this.#lastTask) throw new InvalidInputError('taskId', taskId, 'is no task of this pool')
    checkCloneable(data, 'data')
    return this.#host.sendData(id, data)
  }

  /** Resolves when the pool's first workers have their environment; rejects if it cannot be had. */
  async ready(): Promise<void> {
    await this.#host.ready().catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /**
   * Starts workers until `workersCount` are up, and resolves then.
   * @throws InvalidInputError for more than `pool.stretchTo`.
   */
  async reserve({ workersCount }: { workersCount: number }): Promise<void> {
    const count = parseCount('workersCount', workersCount, 0, MAX_WORKERS)
    if (count > this.#stretchTo) {
      throw new InvalidInputError('workersCount', count, `is greater than \`pool.stretchTo\` (${this.#stretchTo})`)
    }
    const up = this.#host.reserve(count)
    await up.catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /** Ends the pool now: open tasks exit `PoolTerminated`, workers die, observables complete. Again: nothing. */
  terminate(): void {
    this.#terminated = true
    this.#host.terminate()
  }

  #submit<Args, Result>(input: ScheduleInput<Args, Result>): { id: number; stream: TaskStream } {
    checkOptions('task', input, ['entryPoint', 'args', ...TASK_OPTIONS])
    const { entryPoint, args, title, targetWorkerId, priority = 0, replay = DEFAULT_REPLAY } = input
    if (!Number.isInteger(priority)) throw new InvalidInputError('priority', priority, 'is not a whole number')
    const target = targetWorkerId === undefined ? undefined : this.#parseTarget(targetWorkerId)
    const functionId = this.#functions.idOf(entryPoint, 'entryPoint')
    checkCloneable(args, 'args')
    const stream = new TaskStream(title ?? (entryPoint.name || 'task'), parseCount('replay', replay, 0, MAX_REPLAY))
    // The host may start and even end the task within this call: its stream has to be known before.
    const id = (this.#lastTask += 1)
    this.#streams.set(id, stream)
    const given = this.#host.submit(functionId, args, priority, target)
    if (given !== id) throw new Error(`the host counts tasks otherwise: ${given}, not ${id}`)
    return { id, stream }
  }

  #parseTarget(targetWorkerId: unknown): number {
    const worker = parseWorkerId(targetWorkerId)
    if (worker !== null && worker <= this.#lastWorker) return worker
    throw new InvalidInputError('targetWorkerId', targetWorkerId, 'is no worker of this pool', 'take a key of `workers$`')
  }

  #endedError(cause: unknown): MillhandError {
    if (this.#terminated) return new MillhandError('pool-terminated', 'the pool was terminated')
    return toInstallError(cause)
  }

  #listener(report: (event: InstallEvent, workerId: string) => void): HostListener {
    return {
      workerStarted: (worker) => {
        this.#lastWorker = worker
        this.#started.add(workerName(worker))
      },
      installProgressed: (worker, event) => {
        const workerId = workerName(worker)
        report(event as InstallEvent, workerId)
        this.mergedChannel$.next({ type: 'CdnEvent', data: { taskId: null, workerId, event: event as InstallEvent } })
      },
      workerReady: (worker) => {
        const id = workerName(worker)
        const channel$ = this.mergedChannel$.pipe(filter((message) => message.data.workerId === id))
        this.#ready = { ...this.#ready, [id]: { worker: { id }, channel$ } }
      },
      workerGone: (worker) => {
        const { [workerName(worker)]: _gone, ...others } = this.#ready
        this.#ready = others
        this.#started.delete(workerName(worker))
      },
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
        this.#tell(task, toExit({ taskId, workerId, reason, value, title: this.#streams.get(task)?.title ?? '' }))
        this.#streams.delete(task)
        if (workerId !== null) this.workerReleased$.next({ workerId, taskId })
      },
      batchEnded: (queued, terminated) => {
        this.#update(queued)
        if (terminated) this.#complete()
      },
    }
  }

  #tell(task: number, message: Message): void {
    this.#streams.get(task)?.push(message)
    this.mergedChannel$.next(message)
  }

  /** Brings what is derived from the host's events up to date. */
  #update(queued: number): void {
    const running = [...this.#running.values()]
    const workers = Object.keys(this.#ready).length
    if (this.workers$.value !== this.#ready) this.workers$.next(this.#ready)
    if (!sameMembers(this.startedWorkers$.value, this.#started)) this.startedWorkers$.next([...this.#started])
    this.busyWorkers$.next(running.map((task) => task.workerId))
    this.runningTasks$.next(running)
    this.stats$.next({
      queued,
      running: running.length,
      starting: this.#started.size - workers,
      idle: workers - running.length,
      exits: { ...this.#exits },
    })
  }

  #complete(): void {
    const subjects = [this.workers$, this.startedWorkers$, this.busyWorkers$, this.runningTasks$, this.stats$]
    for (const subject of [...subjects, this.workerReleased$, this.mergedChannel$, this.cdnEvent$]) subject.complete()
  }
}

const TASK_OPTIONS = ['title', 'targetWorkerId', 'priority', 'replay'] as const

function noExits(): Record<ExitReason, number> {
  return { Completed: 0, Threw: 0, Unclonable: 0, WorkerLost: 0, InstallFailed: 0, PoolTerminated: 0 }
}

function sameMembers(list: string[], set: Set<string>): boolean {
  return list.length === set.size && list.every((member) => set.has(member))
}
