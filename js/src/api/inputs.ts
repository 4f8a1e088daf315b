/** What a pool is made of, as a user writes it, and its check: the one way from an input to settings. */

import type { Observer } from 'rxjs'
import type { PythonRequest } from '../install/python.js'
import { parsePythonInput } from '../install/python.js'
import type { HostSettings } from '../host.js'
import type { GlobalRecord, PostInstallRecord } from '../wire/protocol.js'
import { findUnclonable } from './cloneable.js'
import { InvalidInputError } from './errors.js'
import { sourceOf } from './functions.js'
import type { CdnEvent } from './messages.js'
import type { EntryPoint } from './task.js'

/** The environment and the size of a pool. */
export interface WorkersPoolInput {
  /** What each worker has. */
  install?: InstallInputs
  /** Values and functions that are copied into the global scope of each worker, by name. */
  globals?: Record<string, unknown>
  /** Run in each worker after the install and before any task, in order. */
  postInstallTasks?: PostInstallTask[]
  pool?: PoolSizing
  /** Hears of the install's progress, like `pool.cdnEvent$`. */
  cdnEvent$?: Pick<Observer<CdnEvent>, 'next'>
}

export interface InstallInputs {
  /** Python packages, as a list of specifiers (`numpy`, `snowballstemmer==2.1.0`), or with more to say. */
  pyodide?: string[] | PyodideInput
}

export interface PyodideInput {
  /** Of Pyodide; the server's default otherwise. */
  version?: string
  modules?: string[]
  /** A folder with a Pyodide distribution of your own, instead of the server's. */
  indexUrl?: string
  /** The name of the runtime on the worker's global scope: `pyodide` otherwise. */
  pyodideAlias?: string
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
  /** The most workers at a time: one less than the machine's cores otherwise. */
  stretchTo?: number
  /** Another name of `startAt`. */
  min?: number
  /** Another name of `stretchTo`. */
  max?: number
  /** The most workers that install at a time: the machine's cores otherwise. */
  installConcurrency?: number
  /** Milliseconds that a worker may boot without a sign of progress: 60,000 otherwise. */
  bootTimeout?: number
}

/** A checked input. */
export interface PoolPlan {
  settings: HostSettings
  python: PythonRequest | null
  globals: GlobalRecord[]
  postInstallTasks: PostInstallRecord[]
  cdnEvent$: Pick<Observer<CdnEvent>, 'next'> | null
}

/** @throws InvalidInputError that names the field and the value. */
export function parsePoolInput(input: WorkersPoolInput, cores: number): PoolPlan {
  checkOptions('input', input, ['install', 'globals', 'postInstallTasks', 'pool', 'cdnEvent$'])
  const { install = {}, globals = {}, postInstallTasks = [], pool = {}, cdnEvent$ = null } = input
  if (cdnEvent$ && typeof cdnEvent$.next !== 'function') {
    throw new InvalidInputError('cdnEvent$', cdnEvent$, 'has no `next`', 'give an RxJS Subject or an observer')
  }
  return {
    settings: parseSizing(pool, cores),
    python: parseInstall(install),
    globals: parseGlobals(globals),
    postInstallTasks: parsePostInstallTasks(postInstallTasks),
    cdnEvent$,
  }
}

/** Refuses options that nobody reads: a slip of the keyboard would be silent otherwise. */
export function checkOptions(field: string, input: unknown, known: readonly string[]): void {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInputError(field, input, 'is not an object')
  }
  const unknown = Object.keys(input).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const value = (input as Record<string, unknown>)[unknown]
  throw new InvalidInputError(pathOf(field, unknown), value, 'is not an option', `options are ${known.join(', ')}`)
}

/** A whole number within bounds. */
export function parseCount(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidInputError(field, value, `is not a whole number from ${min} to ${max}`)
  }
  return value
}

/** The most workers of a pool; the host holds to it too. */
export const MAX_WORKERS = 1_024
/** The longest delay that a page's timer takes, in milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1
const DEFAULT_BOOT_TIMEOUT_MS = 60_000

function parseSizing(pool: PoolSizing, cores: number): HostSettings {
  checkOptions('pool', pool, ['startAt', 'stretchTo', 'min', 'max', 'installConcurrency', 'bootTimeout'])
  const [startField, startAt] = oneOf(pool, 'startAt', 'min')
  const [stretchField, stretchTo] = oneOf(pool, 'stretchTo', 'max')
  const most = stretchTo === undefined ? null : parseCount(stretchField, stretchTo, 1, MAX_WORKERS)
  const first = startAt === undefined ? Math.min(1, most ?? 1) : parseCount(startField, startAt, 0, MAX_WORKERS)
  if (most !== null && first > most) {
    throw new InvalidInputError(startField, first, `is greater than \`${stretchField}\` (${most})`)
  }
  return {
    startAt: first,
    stretchTo: most ?? Math.max(first, cores - 1, 1),
    installConcurrency: parseCount('pool.installConcurrency', pool.installConcurrency ?? cores, 1, MAX_WORKERS),
    bootTimeoutMs: parseCount('pool.bootTimeout', pool.bootTimeout ?? DEFAULT_BOOT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS),
  }
}

function oneOf(pool: PoolSizing, name: keyof PoolSizing, otherName: keyof PoolSizing): [field: string, value: unknown] {
  if (pool[name] !== undefined && pool[otherName] !== undefined) {
    throw new InvalidInputError(`pool.${otherName}`, pool[otherName], `is another name of \`pool.${name}\`: give one`)
  }
  return pool[otherName] === undefined ? [`pool.${name}`, pool[name]] : [`pool.${otherName}`, pool[otherName]]
}

function parseInstall(install: InstallInputs): PythonRequest | null {
  checkOptions('install', install, ['pyodide'])
  return install.pyodide === undefined ? null : parsePythonInput(install.pyodide, 'install.pyodide')
}

function parseGlobals(globals: Record<string, unknown>): GlobalRecord[] {
  return Object.entries(globals).map(([name, value]) => {
    const field = `globals.${name}`
    if (!isIdentifier(name)) {
      throw new InvalidInputError('globals', name, 'has a name that is no JavaScript identifier')
    }
    if (typeof value === 'function') return { name, source: sourceOf(value, field) }
    checkCloneable(value, field)
    return { name, value }
  })
}

function parsePostInstallTasks(tasks: PostInstallTask[]): PostInstallRecord[] {
  if (!Array.isArray(tasks)) throw new InvalidInputError('postInstallTasks', tasks, 'is not an array')
  return tasks.map((task, index) => {
    const field = `postInstallTasks[${index}]`
    checkOptions(field, task, ['title', 'entryPoint', 'args'])
    checkCloneable(task.args, `${field}.args`)
    const source = sourceOf(task.entryPoint, `${field}.entryPoint`)
    return { title: task.title ?? (task.entryPoint.name || `post-install task ${index}`), source, args: task.args }
  })
}

/** @throws InvalidInputError that names the part that cannot be cloned. */
export function checkCloneable(value: unknown, field: string): void {
  const found = findUnclonable(value, field)
  if (!found) return
  throw new InvalidInputError(
    found.path,
    found.value,
    `is ${found.what}, which cannot be copied into a worker`,
    'send plain data; give functions through `globals`, or call them in the entry point',
  )
}

export function isIdentifier(name: unknown): name is string {
  return typeof name === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name)
}

function pathOf(field: string, key: string): string {
  return field === 'input' ? key : `${field}.${key}`
}
