/**
 * The wire protocol between the host (in the page) and a worker: one `postMessage` carries a batch, an array of
 * the tuples below. Both sides read this file; `crates/millhand-web/src/wire.rs` mirrors the numbers, and a test
 * there compares the two.
 *
 * Order holds within one direction. A worker runs one task at a time, in the order in which they came, so everything it says
 * between the `Exit` of one and that of the next is about the next.
 */

import type { PythonImage } from './image.js'

/** What the host says. The first element of each {@link HostMessage}. */
export const HostKind = {
  Install: 0,
  Define: 1,
  Run: 2,
  Data: 3,
  Abort: 4,
  Withdraw: 5,
  RunQuick: 6,
} as const

/** What a worker says. The first element of each {@link WorkerMessage}. */
export const WorkerKind = {
  Booted: 0,
  Progress: 1,
  Ready: 2,
  InstallFailed: 3,
  Log: 4,
  Data: 5,
  PostError: 6,
  Exit: 7,
  Returned: 8,
  Exits: 9,
} as const

/** The most exits of tasks that a worker tells at a time. */
export const MAX_GATHERED = 64

/** How a task ended, as its worker says it. */
export const Outcome = {
  Completed: 0,
  Threw: 1,
  Unclonable: 2,
} as const

export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/**
 * Get the environment of `setup`, then answer `Ready` or `InstallFailed`. `interrupt` is one shared byte in which the host
 * interrupts Python, where pages share memory.
 */
export type Install = [
  kind: typeof HostKind.Install,
  workerId: string,
  setup: WorkerSetup,
  interrupt: SharedArrayBuffer | undefined,
]
/** From now on `functionId` means this function; sent once per worker, before its first `Run`. */
export type Define = [kind: typeof HostKind.Define, functionId: number, definition: FunctionDefinition]
/** Run a task, after those that came before, when all that ended before it is told. */
export type Run = [kind: typeof HostKind.Run, taskId: number, functionId: number, args: unknown]
/**
 * Run tasks that take next to no time, in order: each may start before the exits of up to `MAX_GATHERED` - 1 others are told. `args` has
 * one element for each of them. Remote workers get none.
 */
export type RunQuick = [kind: typeof HostKind.RunQuick, functionId: number, taskIds: Float64Array, args: unknown[]]
/** Data for a task, for its `context.onData`. */
export type DataIn = [kind: typeof HostKind.Data, taskId: number, data: unknown]

/** Stop a task, or give it back: `cause` is why its user cancelled it; `undefined` if it ran for too long. */
export type Abort = [kind: typeof HostKind.Abort, taskId: number, cause: unknown]

/** Give a task back, unless it is the first of those that have not ended. */
export type Withdraw = [kind: typeof HostKind.Withdraw, taskId: number]

export type HostMessage = Install | Define | Run | RunQuick | DataIn | Abort | Withdraw

/**
 * The worker's script runs, and it holds the Web Lock of that name, if the platform has locks. `compiles` says whether it may
 * compile functions that come as source.
 */
export type Booted = [kind: typeof WorkerKind.Booted, lockName: string | null, compiles: boolean]
/** The install got on. */
export type Progress = [kind: typeof WorkerKind.Progress, event: InstallEvent]
/** The environment is there; tasks may come. */
export type Ready = [kind: typeof WorkerKind.Ready]
/** The environment cannot be had; `permanent` says that another try would fail in the same way. */
export type InstallFailed = [kind: typeof WorkerKind.InstallFailed, error: ErrorRecord, permanent: boolean]
/** `context.info`. */
export type Log = [kind: typeof WorkerKind.Log, taskId: number, text: string, json: unknown]
/** `context.sendData`. */
export type DataOut = [kind: typeof WorkerKind.Data, taskId: number, payload: unknown]
/** Something a task wanted to send could not be cloned; the task goes on. */
export type PostError = [kind: typeof WorkerKind.PostError, taskId: number, error: ErrorRecord]
/**
 * The task ended; `value` is its result, or an {@link ErrorRecord} unless the outcome is `Completed`. It ran for `took_us` whole
 * microseconds.
 */
export type Exit = [kind: typeof WorkerKind.Exit, taskId: number, outcome: Outcome, value: unknown, took_us: number]
/** Tasks `Completed`, in order; `values` and `took_us` have one element for each of them. */
export type Exits = [kind: typeof WorkerKind.Exits, taskIds: Float64Array, values: unknown[], took_us: Float64Array]
/** The task was not started, and will not be. It was not the first of those that have not ended. */
export type Returned = [kind: typeof WorkerKind.Returned, taskId: number]

export type WorkerMessage = Booted | Progress | Ready | InstallFailed | Log | DataOut | PostError | Exit | Exits | Returned

/** A function that a worker can call. */
export type FunctionDefinition =
  /** Called with the task's arguments as one object, `{ args, context, workerScope, taskId, workerId }`. */
  | { call: 'entryPoint'; from: FunctionOrigin }
  /** Called with each of the items in `args.items`, and its index, which begins at `args.first`; the result is a list. */
  | { call: 'each'; from: FunctionOrigin }
  /** Called with the members of `args` as its arguments. */
  | { call: 'spread'; from: FunctionOrigin }
  /** Runs the Python source `args.source` with `args.args` as the dict `args`. */
  | { call: 'python' }

/** Where a function is: in a source of its own, or an export of a module. */
export type FunctionOrigin = { source: string } | { url: string; name: string }

/** All that a worker needs to make itself an environment. It resolves nothing, and fetches only modules that the page has fetched. */
export interface WorkerSetup {
  modules: ModulesSetup<string> | null
  python: PythonSetup | null
  globals: GlobalRecord[]
  postInstallTasks: PostInstallRecord[]
}

/** ES modules and classic scripts. `Code` is what functions of users are: sources on the wire, functions where they run. */
export interface ModulesSetup<Code> {
  modules: ModuleRecord<Code>[]
  /** Run after the modules, in order. */
  scripts: ScriptRecord[]
  /** Further names, in order. */
  aliases: AliasRecord<Code>[]
  /** Names that the user chose; the others do not replace what the global scope has. */
  chosen: string[]
}

export interface ModuleRecord<Code> {
  /** What it is, as in `rxjs@7.8.2` or `rxjs@7.8.2/operators`. */
  id: string
  url: string
  /** What it is called. */
  name: string
  /** Whether its default export stands for it; `null`: if it has no other. */
  unwrap: boolean | null
  /** Called with it, once it is imported. */
  sideEffects: Code | null
}

export interface ScriptRecord {
  id: string
  url: string
  /** In hexadecimal, where it is known. */
  sha256: string | null
  /** Fetched and verified by the page. */
  content: Blob
}

/** Another name of a module, or of what a function makes of all that is installed. */
export interface AliasRecord<Code> {
  name: string
  of: { name: string } | { call: Code }
}

/** A Pyodide runtime and packages, as files that the page has fetched and verified. */
export interface PythonSetup {
  version: string
  /** The name on the worker's global scope. */
  alias: string
  /** Lock names, dependencies before dependents. */
  packages: string[]
  /** `pyodide-lock.json` cut down to `packages`. */
  lock: unknown
  /** By file name. Blobs are shared by reference: a further worker costs no copy. */
  files: Record<string, Blob>
  /** In the web, the script that starts Python: a worker without Python does not load it. */
  script?: string
  /** Files of packages that the page has not fetched, since the image has what is in them: needed if that fails. */
  unfetched?: UnfetchedFile[]
  /** In Node, where the files are instead: folders, as urls that end with a slash. */
  folders?: { runtime: string; packages: string }
  /** What to boot from; without it, and if that fails, the worker boots from the files. */
  image?: PythonImage
}

export interface UnfetchedFile {
  name: string
  url: string
  /** As `fetch` takes it; `null` where no hash is known. */
  integrity: string | null
}

/** A global of the worker: a value, or a function as source. */
export type GlobalRecord = { name: string; value: unknown } | { name: string; source: string }

/** A function to run after the install, before the worker takes tasks. */
export interface PostInstallRecord {
  title: string
  source: string
  args: unknown
}

/**
 * What happens while a page, a worker, or the page for all of its workers, gets an environment. Files are those of modules,
 * scripts, stylesheets and Python alike; `total` is 0 where the size of a file is not known.
 */
export type InstallEvent =
  | { step: 'ManifestRequested' }
  | { step: 'ManifestReceived'; files: number; bytes: number }
  | { step: 'FileProgress'; name: string; bytes: number; total: number }
  | { step: 'FileVerified'; name: string; bytes: number }
  /** A remote worker waits for a machine, or has one. */
  | { step: 'WorkerWaiting' }
  | { step: 'WorkerPlaced'; at: RemoteMachine }
  | { step: 'WorkerBooted' }
  | { step: 'ModuleImported'; name: string }
  | { step: 'ScriptRun'; name: string }
  | { step: 'StyleSheetLoaded'; name: string }
  /** `from`: an image, a pack, or the files of the runtime and of the packages. */
  | { step: 'PythonStarting'; version: string; from: 'image' | 'pack' | 'files' }
  /** Of the page: there is an image, in the browser's storage or made ahead and downloaded. */
  | { step: 'ImageFound'; bytes: number; from: 'storage' | 'network' }
  /** Of the page: a worker of its own makes an image; other workers may wait for it. */
  | { step: 'ImageBuilding' }
  /** Of the page. `bytes` are those that workers share. */
  | { step: 'ImageBuilt'; bytes: number }
  /** Of the page: the image is not kept for later visits. */
  | { step: 'ImageNotKept'; reason: string }
  /** Workers boot in another way than from an image; of the page, or of the one worker. */
  | { step: 'ImageUnavailable'; reason: string; instead: 'pack' | 'files' }
  | { step: 'PackagesLoading'; packages: string[] }
  | { step: 'PostInstallTask'; title: string }
  | { step: 'Installed' }
  | { step: 'WorkerReady' }
  | { step: 'InstallFailed'; error: ErrorRecord }
  /** Of the page: the pool cannot get workers, and has given up. */
  | { step: 'PoolFailed'; error: ErrorRecord }

/** Where a remote worker runs. */
export interface RemoteMachine {
  /** The engine's name of it. */
  node: string
  host: string
  pid: number
  /** As in `CPython 3.11.7`. */
  runtime: string
}

/** An error as it travels between threads: structured clone alone would lose most of it. */
export interface ErrorRecord {
  name: string
  message: string
  stack: string
  /** Another {@link ErrorRecord}, or any value that was thrown as a cause. */
  cause?: ErrorRecord | { value: unknown }
  /** Own enumerable properties that can be cloned. */
  properties: Record<string, unknown>
  /** The members of an `AggregateError`. */
  errors?: ErrorRecord[]
  /** The Python exception's type and traceback. */
  python?: { type: string; traceback: string }
  /** What the worker was at, where one task or install has several such: `item 3`, ``the global `twice` ``. */
  during?: string
}
