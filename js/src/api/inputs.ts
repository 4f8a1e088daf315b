/** What a pool is made of, as a user writes it, and its check: the one way from an input to settings. */

import type { Observer } from 'rxjs'
import type { UserFunction } from '../environment/modules.js'
import { parseCssInput } from '../install/css.js'
import type { EsmPlan, EsmTarget } from '../install/esm.js'
import { namesOf, parseEsmInput } from '../install/esm.js'
import type { PagePlan } from '../install/installer.js'
import type { ImageUse, PythonRequest } from '../install/python.js'
import { parsePythonInput } from '../install/python.js'
import type { HostSettings } from '../host.js'
import type { GlobalRecord, PostInstallRecord } from '../wire/protocol.js'
import type { WorkerScope } from '../wire/task-input.js'
import { checkObject, checkOptions, checkText, isIdentifier, parseCount } from '../common/checks.js'
import { snapshot } from '../common/cloneable.js'
import { InvalidInputError } from '../common/errors.js'
import { sourceOf } from './functions.js'
import type { CdnEvent } from './messages.js'
import { MAX_TIMEOUT_MS, MAX_WORKERS } from './limits.js'
import type { Platform } from './platform.js'
import type { RemoteInput, RemotePlan } from './remote-input.js'
import { parseRemote } from './remote-input.js'
import type { EntryPoint } from './task.js'
import type { TraceOptions } from './trace.js'
import { DEFAULT_TRACED_TASKS } from './trace.js'

/** The environment and the size of a pool. */
export interface WorkersPoolInput {
  /** What each worker has. */
  install?: Omit<InstallInputs, 'css'>
  /** Values and functions that are copied into the global scope of each worker, by name. */
  globals?: Record<string, unknown>
  /** Run in each worker after the install and before any task, in order. */
  postInstallTasks?: PostInstallTask[]
  pool?: PoolSizing
  /** Hears of the install's progress, like `pool.cdnEvent$`. */
  cdnEvent$?: Pick<Observer<CdnEvent>, 'next'>
  /** What is recorded for `pool.trace()`. */
  trace?: TraceOptions
}

/** An environment. */
export interface InstallInputs {
  /** npm packages as ES modules, as a list of specifiers (`rxjs#^7.8.1 as rxjs`), or with more to say. */
  esm?: string[] | EsmInput
  /** Stylesheets, for pages alone: `bootstrap#^5.3.3~bootstrap.min.css`. */
  css?: CssInput[]
  /** Classic scripts, run after the modules and in order; the same as `esm.scripts`. */
  scripts?: string[]
  /** Python packages, as a list of specifiers (`numpy`, `snowballstemmer==2.1.0`), or with more to say. */
  pyodide?: string[] | PyodideInput
}

export interface EsmInput {
  modules?: string[]
  /** Classic scripts, by their file in a package: `codemirror#5~lib/codemirror.js`. */
  scripts?: string[]
  /**
   * Further names: of a module (by its alias, its name or its specifier), or of what a function makes of all that is installed.
   * On the way to a pool, functions are sent as their source.
   */
  aliases?: Record<string, string | ((installed: WorkerScope) => unknown)>
  /** Versions of packages that the modules need: `tslib#2.8.1`. */
  usingDependencies?: string[]
  /** Called with a module after its import and before the next one's; waited for. */
  modulesSideEffects?: Record<string, (module: WorkerScope[string]) => unknown>
  /** Whether a module that has nothing but a default export is given as that; `true` otherwise. */
  autoUnwrapDefault?: boolean
}

export type CssInput =
  | string
  | { module: string; url?: never; sideEffects?: (link: HTMLLinkElement) => unknown }
  | { url: string | URL; module?: never; sideEffects?: (link: HTMLLinkElement) => unknown }

export interface PyodideInput {
  /** Of Pyodide; the server's default otherwise. */
  version?: string
  modules?: string[]
  /** A folder with a Pyodide distribution of your own, instead of the server's. */
  indexUrl?: string | URL
  /** The name of the runtime on the global scope: `pyodide` otherwise. */
  pyodideAlias?: string
  /**
   * Of pools: whether workers boot from an image of the environment. `true`, unless `configureInstall` says otherwise: as soon as
   * there is one. `'wait'`: the first workers wait for it too. `false`: never.
   */
  image?: ImageUse
  /** Of pools: modules that are in the image, imported, besides the packages' own. */
  imports?: string[]
}

export interface PostInstallTask<Args = unknown> {
  title?: string
  entryPoint: EntryPoint<Args, unknown>
  args?: Args
}

/** All optional. */
export interface PoolSizing {
  /** Workers that start with the pool: 1 otherwise. */
  startAt?: number
  /**
   * The most workers at a time. Otherwise one less than the machine's cores, and fewer if the browser says that the machine has
   * little memory.
   */
  stretchTo?: number
  /** Another name of `startAt`. */
  min?: number
  /** Another name of `stretchTo`. */
  max?: number
  /** The most workers that install at a time: the machine's cores otherwise. */
  installConcurrency?: number
  /** Milliseconds that a worker may boot without a sign of progress: 60,000 otherwise. */
  bootTimeout?: number
  /** Milliseconds after which an idle worker ends while there are more than `startAt`; none ends otherwise. */
  idleTimeout?: number
  /** Workers kept idle beyond those at work, to take over at once from one that dies or has to be ended: 0 otherwise. */
  spares?: number
  /** Milliseconds that a cancelled task has to end before its worker is ended: 500 otherwise. */
  cancelGrace?: number
  /** The most tasks that wait; further ones exit `Rejected`. 10,000,000 otherwise. */
  maxQueue?: number
  /** In Node: bounds on the memory of each worker. A worker that needs more is lost. */
  resourceLimits?: ResourceLimits
  /** Workers on other machines, beside the local ones that all of the above is about. */
  remote?: RemoteInput
  /** What tasks have that say nothing else. */
  defaults?: Pick<TaskTimes, 'timeout' | 'queueTimeout' | 'retries'>
}

/** In megabytes, as those of Node's `worker_threads`. */
export interface ResourceLimits {
  /** The heap, but for young objects. */
  maxOldGenerationSizeMb?: number
  maxYoungGenerationSizeMb?: number
  codeRangeSizeMb?: number
  stackSizeMb?: number
}

/** Bounds of a task's life. */
export interface TaskTimes {
  /** Milliseconds that the task may run, from each of its starts; without end otherwise. Then it exits `TimedOut`. */
  timeout?: number
  /** Milliseconds that the task may wait for its start; without end otherwise. Then it exits `QueueTimedOut`. */
  queueTimeout?: number
  /**
   * How many more times it is run if its worker dies under it; 0 otherwise. What it did before its worker died is not
   * undone: its work is done at least once, and perhaps more often.
   */
  retries?: number
}

/** A checked input. */
export interface PoolPlan {
  settings: HostSettings
  remote: RemotePlan | null
  resourceLimits: ResourceLimits | null
  defaults: TaskTimes
  esm: EsmPlan<string> | null
  python: PythonRequest | null
  /** Names that the install puts on the workers' global scope; `null` if they cannot be known. */
  installedNames: string[] | null
  globals: GlobalRecord[]
  postInstallTasks: PostInstallRecord[]
  cdnEvent$: Pick<Observer<CdnEvent>, 'next'> | null
  trace: TraceOptions
}

/** @throws InvalidInputError that names the field and the value. */
export function parsePoolInput(input: WorkersPoolInput, platform: Pick<Platform, 'machine' | 'baseUrl'>): PoolPlan {
  checkOptions('input', input, ['install', 'globals', 'postInstallTasks', 'pool', 'cdnEvent$', 'trace'])
  const { install = {}, globals = {}, postInstallTasks = [], pool = {}, cdnEvent$ = null, trace = {} } = input
  if (cdnEvent$ && typeof cdnEvent$.next !== 'function') {
    throw new InvalidInputError('cdnEvent$', cdnEvent$, 'has no `next`', 'give an RxJS Subject or an observer')
  }
  const { esm, python } = parsePoolInstall(install, platform.baseUrl())
  const installedNames = [...namesOf(esm), ...(python ? [python.alias] : [])]
  const settings = parseSizing(pool, platform.machine(), python !== null)
  const remote = pool.remote === undefined ? null : parseRemote(pool.remote, python, platform.baseUrl())
  return {
    settings: { ...settings, remote: remote?.settings },
    remote,
    resourceLimits: parseResourceLimits(pool.resourceLimits),
    defaults: parseDefaults(pool.defaults === undefined ? {} : pool.defaults),
    esm,
    python,
    // What classic scripts set is known to them alone.
    installedNames: esm?.scripts.length ? null : installedNames,
    globals: parseGlobals(globals, installedNames),
    postInstallTasks: parsePostInstallTasks(postInstallTasks),
    cdnEvent$,
    trace: parseTrace(trace),
  }
}

/** Some 100 bytes each. */
const MAX_TRACED_TASKS = 1_000_000

function parseTrace(trace: TraceOptions): TraceOptions {
  checkOptions('trace', trace, ['maxTasks', 'devTools'])
  const { maxTasks = DEFAULT_TRACED_TASKS, devTools = false } = trace
  if (typeof devTools !== 'boolean') throw new InvalidInputError('trace.devTools', devTools, 'is not a boolean')
  return { maxTasks: parseCount('trace.maxTasks', maxTasks, 0, MAX_TRACED_TASKS), devTools }
}

const DEFAULT_BOOT_TIMEOUT_MS = 60_000

/** What sizes are chosen by. */
export interface Machine {
  cores: number
  /** Gigabytes, where the browser tells; it rounds, and never tells more than 8. */
  memory_gb: number | undefined
}

/** A quarter of the memory is for the pool's workers. */
const MEMORY_SHARE = 0.25
const PYTHON_WORKER_GB = 0.15
const PLAIN_WORKER_GB = 0.02

function parseSizing(pool: PoolSizing, machine: Machine, hasPython: boolean): Omit<HostSettings, 'remote'> {
  checkOptions('pool', pool, POOL_OPTIONS)
  const { startAt, stretchTo } = parseSizes(pool, 'pool.')
  const count = (name: keyof PoolSizing, min: number, max: number): number | undefined =>
    pool[name] === undefined ? undefined : parseCount(`pool.${name}`, pool[name], min, max)
  const first = startAt ?? Math.min(1, stretchTo ?? 1)
  const spares = count('spares', 0, MAX_WORKERS) ?? 0
  const maxQueue = count('maxQueue', 0, MAX_QUEUE) ?? DEFAULT_MAX_QUEUE
  if (maxQueue + first + spares === 0) {
    const hint = 'a task starts a worker by waiting for it: let some wait, or start with a worker'
    throw new InvalidInputError('pool.maxQueue', maxQueue, 'leaves a pool that starts without workers none to take tasks', hint)
  }
  return {
    startAt: first,
    stretchTo: stretchTo ?? Math.max(first, defaultStretch(machine, hasPython)),
    installConcurrency: count('installConcurrency', 1, MAX_WORKERS) ?? machine.cores,
    bootTimeoutMs: count('bootTimeout', 1, MAX_TIMEOUT_MS) ?? DEFAULT_BOOT_TIMEOUT_MS,
    spares,
    idleTimeoutMs: count('idleTimeout', 1, MAX_TIMEOUT_MS),
    cancelGraceMs: count('cancelGrace', 0, MAX_TIMEOUT_MS) ?? DEFAULT_CANCEL_GRACE_MS,
    maxQueue,
  }
}

/** What fits into the host's numbers. */
const MAX_QUEUE = 2 ** 31 - 1

const POOL_OPTIONS = [
  'startAt',
  'stretchTo',
  'min',
  'max',
  'installConcurrency',
  'bootTimeout',
  'idleTimeout',
  'spares',
  'cancelGrace',
  'maxQueue',
  'resourceLimits',
  'remote',
  'defaults',
]
const DEFAULT_CANCEL_GRACE_MS = 500
const DEFAULT_MAX_QUEUE = 10_000_000

/** Sizes under either of their names, each within bounds, and together. `prefix` is that of the fields' paths. */
export function parseSizes(
  sizes: Pick<PoolSizing, 'startAt' | 'stretchTo' | 'min' | 'max'>,
  prefix: string,
): { startAt: number | undefined; stretchTo: number | undefined } {
  const [startField, startAt] = oneOf(sizes, 'startAt', 'min', prefix)
  const [stretchField, stretchTo] = oneOf(sizes, 'stretchTo', 'max', prefix)
  const most = stretchTo === undefined ? undefined : parseCount(stretchField, stretchTo, 1, MAX_WORKERS)
  const first = startAt === undefined ? undefined : parseCount(startField, startAt, 0, MAX_WORKERS)
  if (most !== undefined && first !== undefined && first > most) {
    throw new InvalidInputError(startField, first, `is greater than \`${stretchField}\` (${most})`)
  }
  return { startAt: first, stretchTo: most }
}

function defaultStretch({ cores, memory_gb }: Machine, hasPython: boolean): number {
  const worker_gb = hasPython ? PYTHON_WORKER_GB : PLAIN_WORKER_GB
  const fitting = memory_gb === undefined ? cores : Math.floor((memory_gb * MEMORY_SHARE) / worker_gb)
  return Math.max(1, Math.min(cores - 1, fitting))
}

const RESOURCE_LIMITS = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'] as const
const MAX_MEMORY_MB = 2 ** 20

function parseResourceLimits(limits: ResourceLimits | undefined): ResourceLimits | null {
  if (limits === undefined) return null
  checkOptions('pool.resourceLimits', limits, RESOURCE_LIMITS)
  for (const name of RESOURCE_LIMITS) {
    if (limits[name] !== undefined) parseCount(`pool.resourceLimits.${name}`, limits[name], 1, MAX_MEMORY_MB)
  }
  return { ...limits }
}

function parseDefaults(defaults: TaskTimes): TaskTimes {
  checkOptions('pool.defaults', defaults, TIME_OPTIONS)
  return parseTimes(defaults, 'pool.defaults.')
}

export const TIME_OPTIONS = ['timeout', 'queueTimeout', 'retries'] as const

/** The most times that a task is run again. */
const MAX_RETRIES = 100

/** Checked times; `prefix` is that of the fields' paths. */
export function parseTimes(times: TaskTimes, prefix = ''): TaskTimes {
  const { timeout, queueTimeout, retries } = times
  return {
    ...(timeout === undefined ? {} : { timeout: parseCount(`${prefix}timeout`, timeout, 1, MAX_TIMEOUT_MS) }),
    ...(queueTimeout === undefined
      ? {}
      : { queueTimeout: parseCount(`${prefix}queueTimeout`, queueTimeout, 1, MAX_TIMEOUT_MS) }),
    ...(retries === undefined ? {} : { retries: parseCount(`${prefix}retries`, retries, 0, MAX_RETRIES) }),
  }
}

function oneOf(
  sizes: PoolSizing,
  name: keyof PoolSizing,
  otherName: keyof PoolSizing,
  prefix: string,
): [field: string, value: unknown] {
  if (sizes[name] !== undefined && sizes[otherName] !== undefined) {
    const problem = `is another name of \`${prefix}${name}\`: give one`
    throw new InvalidInputError(`${prefix}${otherName}`, sizes[otherName], problem)
  }
  return sizes[otherName] === undefined
    ? [`${prefix}${name}`, sizes[name]]
    : [`${prefix}${otherName}`, sizes[otherName]]
}

function parsePoolInstall(
  install: InstallInputs,
  baseUrl: string,
): { esm: EsmPlan<string> | null; python: PythonRequest | null } {
  checkOptions('install', install, ['esm', 'css', 'scripts', 'pyodide', 'backends'])
  if (install.css !== undefined) {
    const hint = 'install it in the page: `await install({ css: […] })`'
    throw new InvalidInputError('install.css', install.css, 'is for pages only: workers have no document', hint)
  }
  return parseEnvironment(install, 'install.', POOL, baseUrl)
}

/** @throws InvalidInputError that names the field and the value. */
export function parsePageInstall(install: InstallInputs): PagePlan {
  return { ...parseEnvironment(install, '', PAGE, location.href), css: parseCssInput(install.css, 'css') }
}

function parseEnvironment<Code>(
  install: InstallInputs & { backends?: unknown },
  prefix: string,
  target: EsmTarget<Code>,
  baseUrl: string,
): { esm: EsmPlan<Code> | null; python: PythonRequest | null } {
  if (install.backends !== undefined) {
    const hint = 'run a server of your own, and call it with `fetch`'
    throw new InvalidInputError(`${prefix}backends`, install.backends, 'cannot be had: millhand installs what runs in browsers', hint)
  }
  const esm = parseEsmInput(install.esm, install.scripts, prefix, target)
  const python = install.pyodide === undefined ? null : parsePythonInput(install.pyodide, `${prefix}pyodide`, baseUrl)
  if (python && namesOf(esm).includes(python.alias)) {
    const hint = 'choose another one with `pyodideAlias`'
    throw new InvalidInputError(`${prefix}pyodide`, install.pyodide, `gives the name \`${python.alias}\`, as \`esm\` does`, hint)
  }
  return { esm, python }
}

/** A worker that lost one of these could not go on. */
const NEEDED_NAMES = new Set(['self', 'globalThis', 'postMessage', 'addEventListener', 'URL', 'Blob', 'AbortController'])

const POOL: EsmTarget<string> = { toCode: sourceOf, isTaken: (name) => NEEDED_NAMES.has(name) }

const PAGE: EsmTarget<UserFunction> = {
  toCode: (call, field) => {
    if (typeof call !== 'function') throw new InvalidInputError(field, call, 'is not a function')
    return call as UserFunction
  },
  // `document`, `location` and others stay what they are.
  isTaken: (name) => {
    const there = Object.getOwnPropertyDescriptor(globalThis, name)
    return there !== undefined && !there.configurable && !there.writable
  },
}

function parseGlobals(globals: Record<string, unknown>, installed: string[]): GlobalRecord[] {
  checkObject('globals', globals)
  return Object.entries(globals).map(([name, value]) => {
    const field = `globals.${name}`
    if (!isIdentifier(name)) {
      throw new InvalidInputError('globals', name, 'has a name that is no JavaScript identifier')
    }
    if (NEEDED_NAMES.has(name)) {
      throw new InvalidInputError(field, value, 'has a name that workers need for themselves', 'give it another name')
    }
    if (installed.includes(name)) {
      throw new InvalidInputError(field, value, 'has a name that `install` gives too', 'give it another name')
    }
    if (typeof value === 'function') return { name, source: sourceOf(value, field) }
    return { name, value: snapshot(value, field).value }
  })
}

function parsePostInstallTasks(tasks: PostInstallTask[]): PostInstallRecord[] {
  if (!Array.isArray(tasks)) throw new InvalidInputError('postInstallTasks', tasks, 'is not an array')
  return tasks.map((task, index) => {
    const field = `postInstallTasks[${index}]`
    checkOptions(field, task, ['title', 'entryPoint', 'args'])
    checkText(`${field}.title`, task.title)
    const source = sourceOf(task.entryPoint, `${field}.entryPoint`)
    const title = task.title ?? (task.entryPoint.name || `post-install task ${index}`)
    return { title, source, args: snapshot(task.args, `${field}.args`).value }
  })
}
