/** The pool as its user sees it: calls in, checked. What it tells is made by {@link PoolNews}. */

import type { BehaviorSubject, Subject } from 'rxjs'
import { Observable } from 'rxjs'
import type { HostTaskSpec, WorkerLocation } from '../host.js'
import { Host } from '../host.js'
import { platform } from '#platform'
import { namesOf } from '../install/esm.js'
import { checkOptions, checkSignal, parseCount } from '../common/checks.js'
import type { Snapshot } from '../common/cloneable.js'
import { snapshot } from '../common/cloneable.js'
import type { InstallError } from '../common/errors.js'
import { InvalidInputError, MillhandError } from '../common/errors.js'
import { toCancelCause, toInstallError } from './exit.js'
import type { BroadcastOptions } from './broadcast.js'
import { Broadcasts, resultsOf } from './broadcast.js'
import { FunctionTable } from './functions.js'
import { lazyEngine } from './lazy-engine.js'
import { localNameIn } from './local-names.js'
import type { RemotePlan } from './remote-input.js'
import type { PoolPlan, PoolSizing, TaskTimes, WorkersPoolInput } from './inputs.js'
import { parsePoolInput, parseSizes } from './inputs.js'
import { MAX_WORKERS } from './limits.js'
import type { MapOptions } from './map.js'
import { checkIterable, mapItems, parseMapOptions } from './map.js'
import type { EngineStatus, PoolEnd, PoolStats, RunningTask, WorkerEntry } from './pool-news.js'
import { PoolNews } from './pool-news.js'
import { Preflight } from './preflight.js'
import type { ScheduleInput, TaskOptions } from './task-options.js'
import { broadcastSpec, parseTaskOptions, TASK_OPTIONS } from './task-options.js'
import type { PoolModule } from './use.js'
import { useModule } from './use.js'
import type { CdnEvent, Message } from './messages.js'
import type { InstallEvent } from '../wire/protocol.js'
import { parseTaskId, parseWorkerId, workerName } from '../wire/names.js'
import type { EntryPoint } from './task.js'
import { Task } from './task.js'
import type { TaskTraits } from './task-stream.js'
import { DEFAULT_REPLAY, TaskStream } from './task-stream.js'
import type { Trace } from './trace.js'
import { TraceRecorder } from './trace.js'

/**
 * A pool of workers that all have one environment. It starts with its construction.
 *
 * The observables below are hot and complete when the pool is terminated. Those with a current value are
 * `BehaviorSubject`s, updated at most once per batch of what workers say.
 */
export class WorkersPool {
  static {
    // For those who look at it: minifiers shorten names.
    Object.defineProperty(this, 'name', { value: 'WorkersPool' })
  }
  /** Workers that have their environment, by id. */
  readonly workers$: BehaviorSubject<Record<string, WorkerEntry>>
  /** Ids of all live workers, from the moment that they start to boot. */
  readonly startedWorkers$: BehaviorSubject<string[]>
  /** Ids of the workers that run a task. */
  readonly busyWorkers$: BehaviorSubject<string[]>
  readonly runningTasks$: BehaviorSubject<RunningTask[]>
  readonly stats$: BehaviorSubject<PoolStats>
  /** How the pool is with the engine of its remote workers. */
  readonly engine$: BehaviorSubject<EngineStatus>
  /** Each time that a task which ran has ended, or its worker with it. */
  readonly workerReleased$: Subject<{ workerId: string; taskId: string }>
  /** Every message of every task, and of every worker's install. */
  readonly mergedChannel$: Subject<Message>
  /** Progress of the install. */
  readonly cdnEvent$: Subject<CdnEvent>

  readonly #host: Host
  readonly #news: PoolNews
  readonly #functions: FunctionTable
  readonly #preflight: Preflight
  readonly #defaults: TaskTimes
  readonly #hasPython: boolean
  readonly #remote: RemotePlan | null
  readonly #broadcasts = new Broadcasts(({ functionId, args, title, signal }, worker) => {
    const traits = { title, replay: DEFAULT_REPLAY, hint: undefined }
    const stream = this.#queue(traits, functionId, { value: args, transfer: undefined }, broadcastSpec(worker, signal))
    if (signal) this.#cancelWith(signal, stream)
    return stream
  })
  readonly #controls = {
    send: (id: number, data: unknown): boolean => this.#send(id, data),
    cancel: (id: number, reason: unknown): void => this.#cancel(id, reason),
  }
  /** The last call without options: most have the same function. */
  #usual: Usual | null = null
  #sizes: { startAt: number; stretchTo: number }
  #endedBy: PoolEnd | null = null
  #lastTask = 0

  /** @throws InvalidInputError for an input that cannot be meant. */
  constructor(input: WorkersPoolInput = {}) {
    const plan = parsePoolInput(input, platform)
    const news = new PoolNews({
      workerStarted: (worker, location) => this.#broadcasts.reach(worker, location === 'remote'),
      sourcesForbidden: () => {
        this.#usual = null
        this.#functions.forbidSources()
      },
      cdnEvent: (event) => {
        if (event.workerId !== null && !news.isRemote(event.workerId)) setups.hear(event)
        quietly(() => plan.cdnEvent$?.next(event))
      },
      endedBy: () => this.#endedBy,
      queued: () => this.#host?.queued() ?? 0,
    }, new TraceRecorder(plan.trace))
    const report = (event: InstallEvent): void => news.report(event, null)
    const setups = platform.setupsOf(plan, report, news.ended)
    this.#news = news
    this.workers$ = news.workers$
    this.startedWorkers$ = news.startedWorkers$
    this.busyWorkers$ = news.busyWorkers$
    this.runningTasks$ = news.runningTasks$
    this.stats$ = news.stats$
    this.engine$ = news.engine$
    this.workerReleased$ = news.workerReleased$
    this.mergedChannel$ = news.mergedChannel$
    this.cdnEvent$ = news.cdnEvent$
    const { remote, esm, python } = plan
    const setupOf = (_: string, location: WorkerLocation): Promise<unknown> => setups.next(location)
    this.#host = new Host(plan.settings, platform.portOpener(plan), setupOf, news.listener, remote && lazyEngine(remote))
    const { startAt, stretchTo } = plan.settings
    this.#sizes = { startAt, stretchTo }
    this.#defaults = plan.defaults
    this.#hasPython = python !== null
    this.#remote = remote
    this.#preflight = preflightOf(plan)
    const names = { local: [...namesOf(esm), ...(python ? [python.alias] : [])], everywhere: plan.globals.map(({ name }) => name) }
    this.#functions = new FunctionTable({
      define: (definition) => this.#host.define(definition),
      inspect: (source, inspected) => this.#preflight.inspect(source, inspected),
      localNameIn: (source) => (remote ? localNameIn(source, names) : undefined),
    })
  }

  /**
   * Queues a task, at the call. The stream is hot: the task runs once, whoever subscribes and when. It never errors:
   * every task ends with one `Exit`.
   * @throws InvalidInputError for what cannot be sent or cannot be meant.
   */
  schedule<Args, Result>(input: ScheduleInput<Args, Result>): Observable<Message> {
    const stream = isUsual(input) ? this.#submitUsual(input.entryPoint, input.args, input.title) : this.#submit(input)
    return new Observable((subscriber) => stream.subscribe(subscriber))
  }

  /**
   * Queues a task whose result can be awaited.
   * @throws InvalidInputError for what cannot be sent or cannot be meant.
   */
  run<Args, Result>(entryPoint: EntryPoint<Args, Result>, args?: Args, options?: TaskOptions): Task<Result> {
    if (options === undefined) return this.#handle(this.#submitUsual(entryPoint, args))
    checkOptions('options', options, TASK_OPTIONS, ONE_ARGUMENT)
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
    return this.#handle(this.#submitCall(this.#functions.pythonId(), copy, 'Python', options, false))
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
    const remoteWorkers = this.#whyLocal(functionId) === null ? (this.#remote?.settings.stretchTo ?? 0) : 0
    return mapItems<Item, Awaited<Result>>(
      items,
      {
        // One chunk runs and one waits, for each worker that there may be.
        width: () => 2 * (this.#sizes.stretchTo + remoteWorkers),
        run: (chunk, first) => {
          const copy = (): Snapshot => snapshot({ items: chunk, first }, 'items')
          return this.#handle(this.#submitCall(functionId, copy, title, {}))
        },
      },
      parsed,
    )
  }

  /**
   * Runs `entryPoint` once on every worker, before its other tasks, and on those that start later, until `options.signal` aborts.
   * The results are those of the workers that are there now; one that is lost gives none. Rejects with the first failure, and if
   * the pool takes no more tasks.
   * @throws InvalidInputError for what cannot be sent.
   */
  broadcast<Args, Result>(
    entryPoint: EntryPoint<Args, Result>,
    args?: Args,
    options: BroadcastOptions = {},
  ): Promise<Result[]> {
    checkOptions('options', options, ['signal'], ONE_ARGUMENT)
    const { signal } = options
    checkSignal(signal)
    const { value } = snapshot(args, 'args')
    const functionId = this.#functions.idOf('entryPoint', entryPoint, 'entryPoint')
    const refusal = this.#endedBy ? endedError(this.#endedBy) : (this.#news.failure ?? this.#broadcasts.refusal)
    if (refusal) return Promise.reject(refusal)
    const isLocal = this.#whyLocal(functionId) !== null
    const broadcast = { functionId, args: value, title: entryPoint.name || 'broadcast', signal, isLocal }
    const workers = [...this.#news.started].filter((worker) => !(isLocal && this.#news.isRemote(worker)))
    const tasks = this.#broadcasts.add(broadcast, workers)
    return resultsOf<Result>(tasks.map((submitted) => this.#handle(submitted)))
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
    return this.#send(this.#parseTask(taskId), data)
  }

  /** Resolves when the pool's first workers have their environment; rejects if it cannot be had. */
  async ready(): Promise<void> {
    await holding(this.#host.ready()).catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /**
   * Starts workers until `workersCount` are up, and resolves then.
   * @throws InvalidInputError for more than `pool.stretchTo`.
   */
  async reserve(input: { workersCount: number }): Promise<void> {
    checkOptions('reserve', input, ['workersCount'], 'write `pool.reserve({ workersCount: 2 })`')
    const { workersCount } = input
    const count = parseCount('workersCount', workersCount, 0, MAX_WORKERS)
    const { stretchTo } = this.#sizes
    if (count > stretchTo) {
      throw new InvalidInputError('workersCount', count, `is greater than \`pool.stretchTo\` (${stretchTo})`)
    }
    const up = this.#host.reserve(count)
    await holding(up).catch((cause: unknown) => Promise.reject(this.#endedError(cause)))
  }

  /** How many workers there are to be at first, and at most. */
  get sizes(): { startAt: number; stretchTo: number } {
    return { ...this.#sizes }
  }

  /** Why the pool could not get workers, once it has given up. */
  get failure(): InstallError | null {
    return this.#news.failure
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

  /**
   * What the pool did, in Chrome's trace event format: `JSON.stringify` it into a file that https://ui.perfetto.dev opens. It has a
   * track per worker with its boot, its install and its tasks, each with how long it waited and how it ended; it knows the last
   * `trace.maxTasks` of them, and those that are open. It can be had after the pool has ended, too.
   */
  trace(): Trace {
    return this.#news.trace()
  }

  /** Ends the pool when its tasks have ended, and resolves then. Tasks that are scheduled from now on exit `PoolTerminated`. */
  async drain(): Promise<void> {
    this.#endedBy ??= 'drain'
    this.#host.drain()
    const { ended } = this.#news
    if (!ended.aborted) await holding(new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true })))
  }

  /** `await using pool = new WorkersPool(…)`: drains at the end of the scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** Ends the pool now: open tasks exit `PoolTerminated`, workers die, observables complete. Again: nothing. */
  terminate(): void {
    if (!this.#news.ended.aborted) this.#endedBy = 'terminate'
    this.#host.terminate()
  }

  #submit<Args, Result>(input: ScheduleInput<Args, Result>): TaskStream {
    checkOptions('task', input, ['entryPoint', 'args', ...TASK_OPTIONS])
    const { entryPoint, args, ...options } = input
    const functionId = this.#functions.idOf('entryPoint', entryPoint, 'entryPoint')
    const copy = (): Snapshot => snapshot(args, 'args', options.transfer)
    return this.#submitCall(functionId, copy, entryPoint.name || 'task', options)
  }

  /** The same for a task without options, of which there may be many: what can be done once for all of them is. */
  #submitUsual<Args, Result>(entryPoint: EntryPoint<Args, Result>, args: Args | undefined, title?: string): TaskStream {
    if (this.#usual?.entryPoint !== entryPoint || this.#usual.title !== title) {
      const functionId = this.#functions.idOf('entryPoint', entryPoint, 'entryPoint')
      const options = title === undefined ? {} : { title }
      const { spec, traits } = this.#parseOptions(functionId, entryPoint.name || 'task', options)
      const hasDefaults = Object.values(this.#defaults).some((time) => time !== undefined)
      const isUsualSpec = platform.postsAhead && !hasDefaults && spec.target === undefined
      this.#usual = { entryPoint, title, functionId, traits, spec: isUsualSpec ? undefined : spec }
    }
    const { functionId, traits, spec } = this.#usual
    return this.#queue(traits, functionId, snapshot(args, 'args'), spec)
  }

  /**
   * @param copy makes the arguments, once all else has been checked: it may move some of them.
   * @param isMeasured whether calls of the function take about as long as each other.
   */
  #submitCall(functionId: number, copy: () => Snapshot, name: string, options: TaskOptions, isMeasured = true): TaskStream {
    const { spec, traits } = this.#parseOptions(functionId, name, options)
    const stream = this.#queue(traits, functionId, copy(), isMeasured ? spec : { ...spec, isMeasured })
    if (options.signal) this.#cancelWith(options.signal, stream)
    return stream
  }

  #parseOptions(functionId: number, name: string, options: TaskOptions): { spec: HostTaskSpec; traits: TaskTraits } {
    const parseTarget = (workerId: string): number => this.#parseTarget(workerId)
    const { spec, traits } = parseTaskOptions(options, { ...this.#defaults, title: name }, parseTarget)
    spec.target = this.#placeOf(functionId, spec.target)
    const hint = !this.#hasPython && this.#functions.mentionsPython(functionId) ? NO_PYTHON : undefined
    return { spec: { ...spec, isMeasured: spec.isMeasured && platform.postsAhead }, traits: { ...traits, hint } }
  }

  /** A function that only local workers can run stays with them. */
  #placeOf(functionId: number, target: HostTaskSpec['target']): HostTaskSpec['target'] {
    if (!this.#remote) {
      if (target !== 'remote') return target
      throw new InvalidInputError('target', target, 'is for pools with remote workers', 'make the pool with `pool: { remote: … }`')
    }
    const reason = this.#whyLocal(functionId)
    if (reason === null) return target
    const isRemote = target === 'remote' || (typeof target === 'number' && this.#news.isRemote(workerName(target)))
    if (!isRemote) return target ?? 'local'
    const hint = 'remote workers run `pool.python`, and functions that need no more than their arguments and the pool\'s `globals`'
    throw new InvalidInputError('target', target, `is remote, and the function ${reason}`, hint)
  }

  /** Why only local workers can run a function, if it is so. */
  #whyLocal(functionId: number): string | null {
    if (!this.#remote || (this.#hasPython && functionId === this.#functions.pythonId())) return null
    if (!this.#remote.runtimes.includes('javascript')) return 'is JavaScript, and `pool.remote.javascript` is false'
    return this.#functions.whyLocal(functionId)
  }

  #queue(traits: TaskTraits, functionId: number, { value, transfer }: Snapshot, spec: HostTaskSpec | undefined): TaskStream {
    // The host may start and even end the task within this call: its stream has to be known before.
    const stream = new TaskStream((this.#lastTask += 1), traits)
    this.#news.open(stream)
    const given = this.#host.submit(functionId, value, transfer, spec)
    stream.take()
    if (given !== stream.id) throw new Error(`the host counts tasks otherwise: ${given}, not ${stream.id}`)
    return stream
  }

  #handle<Result>(stream: TaskStream): Task<Result> {
    return new Task(stream, this.#controls)
  }

  #cancel(id: number, reason: unknown): void {
    this.#host.cancel(id, toCancelCause(reason))
  }

  #cancelWith(signal: AbortSignal, stream: TaskStream): void {
    if (signal.aborted) return this.#cancel(stream.id, signal.reason)
    const abort = (): void => this.#cancel(stream.id, signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    stream.onExit(() => signal.removeEventListener('abort', abort))
  }

  #send(id: number, data: unknown): boolean {
    return this.#host.sendData(id, snapshot(data, 'data').value)
  }

  #parseTask(taskId: unknown): number {
    const id = parseTaskId(taskId)
    if (id !== null && id <= this.#lastTask) return id
    throw new InvalidInputError('taskId', taskId, 'is no task of this pool')
  }

  #parseTarget(targetWorkerId: unknown): number {
    const worker = parseWorkerId(targetWorkerId)
    if (worker !== null && worker <= this.#news.lastWorker) return worker
    throw new InvalidInputError('targetWorkerId', targetWorkerId, 'is no worker of this pool', 'take a key of `workers$`')
  }

  #endedError(cause: unknown): MillhandError {
    return this.#news.ended.aborted ? endedError(this.#endedBy ?? 'terminate') : toInstallError(cause)
  }
}

/** What calls of a function without options have in common. */
interface Usual {
  entryPoint: unknown
  title: string | undefined
  functionId: number
  /** `undefined`: as the host takes it to be without. */
  spec: HostTaskSpec | undefined
  traits: TaskTraits
}

/** Whether a task has nothing that is worth a second look. */
function isUsual(input: unknown): boolean {
  if (typeof input !== 'object' || input === null || !('entryPoint' in input)) return false
  for (const key in input) if (key !== 'entryPoint' && key !== 'args' && key !== 'title') return false
  return true
}

const ONE_ARGUMENT = 'a task takes one value as its `args`: give several as an array or an object'
const NO_PYTHON = 'this pool has no Python: make it with `install: { pyodide: [] }`'

function endedError(by: PoolEnd): MillhandError {
  const message = by === 'drain' ? 'the pool was drained: it takes no more tasks' : 'the pool was terminated'
  return new MillhandError('pool-terminated', message, { hint: 'make a new pool' })
}

/** Keeps the program alive until `promise` settles. */
async function holding<T>(promise: Promise<T>): Promise<T> {
  const release = platform.hold()
  try {
    return await promise
  } finally {
    release()
  }
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

/** Whatever an observer of the user's throws is reported, and changes nothing. */
function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    platform.reportError(error)
  }
}
