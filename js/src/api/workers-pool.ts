/** The pool as its user sees it. It checks inputs, and turns what the host tells into messages and observables. */

import type { Observable } from 'rxjs'
import { BehaviorSubject, filter, Subject } from 'rxjs'
import type { HostListener, HostTaskSpec } from '../host.js'
import { Host } from '../host.js'
import { prepareSetup } from '../install/setup.js'
import { RemoteError } from '../wire/errors.js'
import type { ErrorRecord, InstallEvent } from '../wire/protocol.js'
import { checkOptions, checkSignal, checkText, parseCount } from '../common/checks.js'
import type { Snapshot } from '../common/cloneable.js'
import { snapshot } from '../common/cloneable.js'
import { InvalidInputError, MillhandError } from '../common/errors.js'
import { toCancelCause, toExit, toInstallError } from './exit.js'
import type { Submitted } from './broadcast.js'
import { Broadcasts, resultsOf } from './broadcast.js'
import { FunctionTable } from './functions.js'
import type { Machine, PoolPlan, PoolSizing, TaskTimes, WorkersPoolInput } from './inputs.js'
import { MAX_WORKERS, parsePoolInput, parseSizes, parseTimes, TIME_OPTIONS } from './inputs.js'
import type { MapOptions } from './map.js'
import { checkIterable, mapItems, parseMapOptions } from './map.js'
import { Preflight } from './preflight.js'
import type { PoolModule } from './use.js'
import { useModule } from './use.js'
import type { CdnEvent, ExitReason, Message } from './messages.js'
import { parseTaskId, parseWorkerId, taskName, workerName } from '../wire/names.js'
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

export interface TaskOptions extends TaskTimes {
  /** Cancels the task when it aborts; its reason is the cause of the exit. */
  signal?: AbortSignal
  /** What of `args` is moved rather than copied. Not together with `retries`: what was moved cannot be sent again. */
  transfer?: Transferable[]
  /** For people who watch the pool; the entry point's name otherwise. */
  title?: string
  /** The only worker that may run the task, a key of `workers$`. If it is gone, the task exits `WorkerLost`. */
  targetWorkerId?: string
  /**
   * Higher goes first among queued tasks; 0 otherwise. Equal ones keep the order of their calls. Each step is worth ten seconds
   * of waiting, so that nothing waits for ever.
   */
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
  /** Each time that a task which ran has ended, or its worker with it. */
  readonly workerReleased$ = new Subject<{ workerId: string; taskId: string }>()
  /** Every message of every task, and of every worker's install. */
  readonly mergedChannel$ = new Subject<Message>()
  /** Progress of the install. */
  readonly cdnEvent$ = new Subject<CdnEvent>()

  readonly #host: Host
  /** Kept here because the host, once the pool has ended, holds it only loosely. */
  readonly #listener: HostListener
  readonly #functions: FunctionTable
  readonly #preflight: Preflight
  readonly #defaults: TaskTimes
  readonly #hasPython: boolean
  readonly #broadcasts = new Broadcasts((functionId, args, title, worker) => {
    const spec: HostTaskSpec = { ...PLAIN_SPEC, priority: BROADCAST_PRIORITY, target: worker, essential: true }
    return this.#queue(new TaskStream(title, DEFAULT_REPLAY), functionId, { value: args, transfer: undefined }, spec)
  })
  #sizes: { startAt: number; stretchTo: number }
  /** Tasks that have not ended. */
  readonly #streams = new Map<number, TaskStream>()
  readonly #started = new Set<string>()
  readonly #running = new Map<number, RunningTask>()
  readonly #exits = noExits()
  #ready: Record<string, WorkerEntry> = {}
  /** Aborts when the pool has ended. */
  readonly #ending = new AbortController()
  #lastTask = 0
  #lastWorker = 0

  /** @throws InvalidInputError for an input that cannot be meant. */
  constructor(input: WorkersPoolInput = {}) {
    const plan = parsePoolInput(input, thisMachine())
    const report = (event: InstallEvent, workerId: string | null = null): void => {
      const cdnEvent = { ...event, workerId }
      this.cdnEvent$.next(cdnEvent)
      quietly(() => plan.cdnEvent$?.next(cdnEvent))
    }
    const { esm, python, globals, postInstallTasks } = plan
    // Not within the constructor: nobody could subscribe before the first event.
    const setup = Promise.resolve().then(() =>
      prepareSetup({ esm, python, globals, postInstallTasks }, report, this.#ending.signal),
    )
    this.#listener = this.#makeListener(report)
    this.#host = new Host(plan.settings, WORKER_URL, setup, this.#listener)
    const { startAt, stretchTo } = plan.settings
    this.#sizes = { startAt, stretchTo }
    this.#defaults = plan.defaults
    this.#hasPython = plan.python !== null
    this.#preflight = preflightOf(plan)
    this.#functions = new FunctionTable({
      define: (definition) => this.#host.define(definition),
      inspect: (source, inspected) => this.#preflight.inspect(source, inspected),
    })
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
    return this.#handle(this.#submit({ ...options, entryPoint, ...(args === undefined ? {} : { args }) }))
  }

  /**
   * Runs Python source, with `args` as the dict `args`; the value of its last expression is the result, and what it prints comes as
   * `Log` messages.
   * @throws InvalidInputError for a pool without Python.
   */
  python<Result = unknown>(source: string, args?: Record<string, unknown>, options: TaskOptions = {}): Task<Result> {
    checkOptions('options', options, TASK_OPTIONS)
    if (typeof source !== 'string') throw new InvalidInputError('source', source, 'is not a string')
    if (!this.#hasPython) {
      throw new InvalidInputError('source', source, 'needs Python', 'make the pool with `install: { pyodide: [] }`')
    }
    this.#preflight.note(source)
    const copy = (): Snapshot => {
      const { value, transfer } = snapshot(args, 'args', options.transfer)
      return { value: { source, args: value }, transfer }
    }
    return this.#handle(this.#submitCall(this.#functions.pythonId(), copy, 'Python', options))
  }

  /**
   * A module whose exported functions run in the pool. The module is really imported by each worker: closures work, and no policy
   * is in the way. In the module's functions, `this.context` is the task's context.
   * @throws InvalidInputError for what is no url.
   */
  use<Module>(url: URL | string, options: TaskOptions = {}): PoolModule<Module> {
    checkOptions('options', options, TASK_OPTIONS)
    return useModule<Module>(url, (standIn, args, title) => {
      const functionId = this.#functions.idOf('spread', standIn, title)
      const copy = (): Snapshot => snapshot(args, `arguments of ${title}`, options.transfer)
      return this.#handle(this.#submitCall(functionId, copy, title, options))
    })
  }

  /**
   * Calls `fn(item, index)` in the workers for each item, and gives the results. It takes items only as the workers can, and not
   * ahead of a slow consumer. The first item that fails ends it with its error; ending it early cancels what is under way.
   * @throws InvalidInputError
   */
  map<Item, Result>(
    items: Iterable<Item> | AsyncIterable<Item>,
    fn: (item: Item, index: number) => Result | PromiseLike<Result>,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<Result>, void, undefined> {
    checkIterable(items)
    const parsed = parseMapOptions(options)
    const functionId = this.#functions.idOf('each', fn, 'fn')
    const title = fn.name || 'map'
    return mapItems<Item, Awaited<Result>>(
      items,
      {
        // One chunk runs and one waits, for each worker that there may be.
        width: () => 2 * this.#sizes.stretchTo,
        run: (chunk, first) => {
          const copy = (): Snapshot => snapshot({ items: chunk, first }, 'items')
          return this.#handle(this.#submitCall(functionId, copy, title, {}))
        },
      },
      parsed,
    )
  }

  /**
   * Runs `entryPoint` once on every worker, before its other tasks, and on those that start later. The results are those of the
   * workers that are there now; one that is lost gives none. Rejects with the first failure.
   * @throws InvalidInputError for what cannot be sent.
   */
  broadcast<Args, Result>(entryPoint: EntryPoint<Args, Result>, args?: Args): Promise<Result[]> {
    const { value } = snapshot(args, 'args')
    const functionId = this.#functions.idOf('entryPoint', entryPoint, 'entryPoint')
    const streams = this.#broadcasts.add(functionId, value, entryPoint.name || 'broadcast', this.#started)
    return resultsOf<Result>(streams.map((submitted) => this.#handle(submitted)))
  }

  /** Cancels a task, as {@link Task.cancel} does. */
  cancel(taskId: string, reason?: unknown): void {
    this.#cancel(this.#parseTask(taskId), reason)
  }

  /**
   * Sends data to a task's `context.onData`; what is sent before the task starts waits for it. `false` if the task has ended.
   * @throws InvalidInputError for a task that never was, or data that cannot be cloned.
   */
  sendData(input: { taskId: string; data: unknown }): boolean {
    checkOptions('message', input, ['taskId', 'data'])
    const { taskId, data } = input
    const id = this.#parseTask(taskId)
    return this.#host.sendData(id, snapshot(data, 'data').value)
  }

  /** Resolves when the pool's first workers have their environment; rejects if it cannot be had. */
  async ready(): Promise<void> {
    await this.#host.ready().catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /**
   * Starts workers until `workersCount` are up, and resolves then.
   * @throws InvalidInputError for more than `pool.stretchTo`.
   */
  async reserve(input: { workersCount: number }): Promise<void> {
    checkOptions('reserve', input, ['workersCount'])
    const { workersCount } = input
    const count = parseCount('workersCount', workersCount, 0, MAX_WORKERS)
    const { stretchTo } = this.#sizes
    if (count > stretchTo) {
      throw new InvalidInputError('workersCount', count, `is greater than \`pool.stretchTo\` (${stretchTo})`)
    }
    const up = this.#host.reserve(count)
    await up.catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /**
   * Changes how many workers there are. Workers above the new `stretchTo` end, busy ones with their task.
   * @throws InvalidInputError for sizes that do not hold together.
   */
  resize(sizes: Pick<PoolSizing, 'startAt' | 'stretchTo' | 'min' | 'max'>): void {
    checkOptions('sizes', sizes, ['startAt', 'stretchTo', 'min', 'max'])
    const { startAt, stretchTo } = parseSizes(sizes, '')
    const next = { startAt: startAt ?? this.#sizes.startAt, stretchTo: stretchTo ?? this.#sizes.stretchTo }
    if (next.startAt > next.stretchTo) {
      throw new InvalidInputError('startAt', next.startAt, `is greater than \`stretchTo\` (${next.stretchTo})`)
    }
    this.#sizes = next
    this.#host.resize(next.startAt, next.stretchTo)
  }

  /** Ends the pool when its tasks have ended, and resolves then. Tasks that are scheduled from now on exit `PoolTerminated`. */
  async drain(): Promise<void> {
    this.#host.drain()
    const { signal } = this.#ending
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }

  /** `await using pool = new WorkersPool(…)`: drains at the end of the scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** Ends the pool now: open tasks exit `PoolTerminated`, workers die, observables complete. Again: nothing. */
  terminate(): void {
    this.#host.terminate()
  }

  #submit<Args, Result>(input: ScheduleInput<Args, Result>): Submitted {
    checkOptions('task', input, ['entryPoint', 'args', ...TASK_OPTIONS])
    const { entryPoint, args, ...options } = input
    const functionId = this.#functions.idOf('entryPoint', entryPoint, 'entryPoint')
    const copy = (): Snapshot => snapshot(args, 'args', options.transfer)
    return this.#submitCall(functionId, copy, entryPoint.name || 'task', options)
  }

  /** @param copy makes the arguments, once all else has been checked: it may move some of them. */
  #submitCall(functionId: number, copy: () => Snapshot, name: string, options: TaskOptions): Submitted {
    const { title = name, targetWorkerId, priority = 0, replay = DEFAULT_REPLAY, signal } = options
    const { timeout, queueTimeout, retries = 0 } = { ...this.#defaults, ...parseTimes(options) }
    if (!Number.isInteger(priority) || Math.abs(priority) > MAX_PRIORITY) {
      const problem = `is not a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`
      throw new InvalidInputError('priority', priority, problem)
    }
    const spec: HostTaskSpec = {
      priority,
      target: targetWorkerId === undefined ? undefined : this.#parseTarget(targetWorkerId),
      timeoutMs: timeout,
      queueTimeoutMs: queueTimeout,
      // What was moved cannot be sent again.
      retries: options.transfer ? 0 : retries,
      essential: false,
      withdrawnBecause: undefined,
    }
    checkText('title', title)
    checkTransfer(options)
    checkSignal(signal)
    if (signal?.aborted) spec.withdrawnBecause = toCancelCause(signal.reason)
    const stream = new TaskStream(title, parseCount('replay', replay, 0, MAX_REPLAY))
    const submitted = this.#queue(stream, functionId, copy(), spec)
    if (signal) this.#cancelWith(signal, submitted)
    return submitted
  }

  #queue(
    stream: TaskStream,
    functionId: number,
    { value, transfer }: Snapshot,
    spec: HostTaskSpec,
  ): Submitted {
    // The host may start and even end the task within this call: its stream has to be known before.
    const id = (this.#lastTask += 1)
    this.#streams.set(id, stream)
    const given = this.#host.submit(functionId, value, transfer, spec)
    if (given !== id) throw new Error(`the host counts tasks otherwise: ${given}, not ${id}`)
    return { id, stream }
  }

  #handle<Result>({ id, stream }: Submitted): Task<Result> {
    return new Task(taskName(id), stream.message$, {
      send: (data) => this.sendData({ taskId: taskName(id), data }),
      cancel: (reason) => this.#cancel(id, reason),
    })
  }

  #cancel(id: number, reason: unknown): void {
    this.#host.cancel(id, toCancelCause(reason))
  }

  #cancelWith(signal: AbortSignal, { id, stream }: Submitted): void {
    if (signal.aborted) return this.#cancel(id, signal.reason)
    const abort = (): void => this.#cancel(id, signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    stream.message$.subscribe({ complete: () => signal.removeEventListener('abort', abort) })
  }

  #parseTask(taskId: unknown): number {
    const id = parseTaskId(taskId)
    if (id !== null && id <= this.#lastTask) return id
    throw new InvalidInputError('taskId', taskId, 'is no task of this pool')
  }

  #parseTarget(targetWorkerId: unknown): number {
    const worker = parseWorkerId(targetWorkerId)
    if (worker !== null && worker <= this.#lastWorker) return worker
    throw new InvalidInputError('targetWorkerId', targetWorkerId, 'is no worker of this pool', 'take a key of `workers$`')
  }

  #endedError(cause: unknown): MillhandError {
    if (this.#ending.signal.aborted) return new MillhandError('pool-terminated', 'the pool was terminated')
    return toInstallError(cause)
  }

  #makeListener(report: (event: InstallEvent, workerId: string) => void): HostListener {
    return {
      workerStarted: (worker) => {
        this.#lastWorker = worker
        this.#started.add(workerName(worker))
        this.#broadcasts.reach(worker)
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
        this.#ready = Object.fromEntries(Object.entries(this.#ready).filter(([id]) => id !== workerName(worker)))
        this.#started.delete(workerName(worker))
        for (const [task, { workerId }] of this.#running) if (workerId === workerName(worker)) this.#running.delete(task)
      },
      sourcesForbidden: () => this.#functions.forbidSources(),
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
      batchEnded: (queued) => this.#update(queued),
      poolTerminated: () => this.#complete(),
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
    this.#ending.abort()
    const subjects = [this.workers$, this.startedWorkers$, this.busyWorkers$, this.runningTasks$, this.stats$]
    for (const subject of [...subjects, this.workerReleased$, this.mergedChannel$, this.cdnEvent$]) subject.complete()
  }
}

const TASK_OPTIONS = ['title', 'targetWorkerId', 'priority', 'replay', 'signal', 'transfer', ...TIME_OPTIONS] as const

/** Priorities within which a user's task stays. */
const MAX_PRIORITY = 1_000_000
/** A task without bounds of its own. */
const PLAIN_SPEC: HostTaskSpec = {
  priority: 0,
  target: undefined,
  timeoutMs: undefined,
  queueTimeoutMs: undefined,
  retries: 0,
  essential: false,
  withdrawnBecause: undefined,
}

/** A broadcast goes before them. */
const BROADCAST_PRIORITY = 2 * MAX_PRIORITY

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

function thisMachine(): Machine {
  const { hardwareConcurrency, deviceMemory } = navigator as Navigator & { deviceMemory?: number }
  return { cores: hardwareConcurrency, memory_gb: deviceMemory }
}

function preflightOf(plan: PoolPlan): Preflight {
  const sources = [...plan.globals, ...plan.postInstallTasks].flatMap((record) => ('source' in record ? [record.source] : []))
  const names = plan.globals.map(({ name }) => name)
  return new Preflight(plan.installedNames && [...names, ...plan.installedNames], [...sources, ...installSources(plan.esm)])
}

function installSources(esm: PoolPlan['esm']): string[] {
  const sideEffects = esm?.modules.flatMap(({ sideEffects }) => (sideEffects === null ? [] : [sideEffects])) ?? []
  return [...sideEffects, ...(esm?.aliases ?? []).flatMap(({ of }) => ('call' in of ? [of.call] : []))]
}

function checkTransfer({ transfer, retries }: TaskOptions): void {
  if (transfer === undefined) return
  if (!Array.isArray(transfer)) throw new InvalidInputError('transfer', transfer, 'is not an array')
  if (retries) {
    throw new InvalidInputError('transfer', transfer, 'does not go with `retries`', 'what was moved cannot be sent again')
  }
}

/** Whatever an observer of the user's throws is reported, and changes nothing. */
function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    reportError(error)
  }
}

function sameMembers(list: string[], set: Set<string>): boolean {
  return list.length === set.size && list.every((member) => set.has(member))
}
