/**
 * What a pool did, as a trace: which worker booted, installed and ran what, and when. A recorder keeps the last of it within a bound;
 * the file that it makes is in Chrome's trace event format, which https://ui.perfetto.dev and DevTools open.
 *
 * Times are those of `performance.now()`, in milliseconds; those in the file are microseconds since the page's time origin.
 */

import type { ExitReason } from '../host.js'
import { taskName, workerName } from '../wire/names.js'

/** What of a pool is recorded. */
export interface TraceOptions {
  /** How many of the last tasks `pool.trace()` knows: 10,000 otherwise; 0 records none. */
  maxTasks?: number
  /** Makes each task a `performance.measure` too, which DevTools shows in a track per worker; `false` otherwise. */
  devTools?: boolean
}

/** A file in the trace event format, to be written with `JSON.stringify`. */
export interface Trace {
  traceEvents: TraceEvent[]
  displayTimeUnit: 'ms'
}

/** One entry of a trace. `ts` and `dur` are microseconds. */
export type TraceEvent =
  /** A span: a boot, an install, or a task. */
  | { ph: 'X'; name: string; cat: string; pid: number; tid: number; ts: number; dur: number; args: Record<string, unknown> }
  /** A moment: a step of an install, or the end of a task that never ran. */
  | { ph: 'i'; s: 't'; name: string; cat: string; pid: number; tid: number; ts: number; args: Record<string, unknown> }
  /** How many tasks waited from then on. */
  | { ph: 'C'; name: string; cat: string; pid: number; tid: number; ts: number; args: Record<string, number> }
  /** The name and the place of a track. */
  | { ph: 'M'; name: string; cat: string; pid: number; tid: number; ts: number; args: Record<string, unknown> }

/** A task's run, from its call to its end. */
export interface TaskRecord {
  task: number
  title: string
  /** `null` if it never started. */
  worker: number | null
  queued_ms: number
  /** `null` if it never started. */
  started_ms: number | null
  /** The time of the look at it, if it has not ended. */
  ended_ms: number
  /** `Open` if it has not ended, `Retried` if its worker died and it went back into the queue. */
  reason: ExitReason | 'Open' | 'Retried'
}

export const DEFAULT_TRACED_TASKS = 10_000
/** Workers beyond it are forgotten, the oldest first. */
const MAX_WORKERS_KEPT = 256
/** Steps of one install that are kept. */
const MAX_STEPS = 200
/** Measures that are in the page's timeline at a time. */
const MAX_MEASURES = 1_000

interface WorkerRecord {
  started_ms: number
  booted_ms: number | null
  ready_ms: number | null
  gone_ms: number | null
  steps: Step[]
}

interface Step {
  name: string
  at_ms: number
  args: Record<string, unknown>
}

/**
 * Keeps what happened. Every call is cheap: nothing is made of it before {@link TraceRecorder.trace}. Callers tell the time, one for
 * what happened at once, so that one span ends where the next begins.
 */
export class TraceRecorder {
  readonly #measures: Measures | null
  readonly #tasks: TaskRing
  readonly #workers = new Map<number, WorkerRecord>()
  /** Steps of the page, for all workers. */
  readonly #steps: Step[] = []

  constructor({ maxTasks = DEFAULT_TRACED_TASKS, devTools = false }: TraceOptions) {
    this.#tasks = new TaskRing(maxTasks)
    this.#measures = devTools ? new Measures() : null
  }

  workerStarted(worker: number, started_ms: number): void {
    this.#workers.set(worker, { started_ms, booted_ms: null, ready_ms: null, gone_ms: null, steps: [] })
    const [oldest] = this.#workers.keys()
    if (this.#workers.size > MAX_WORKERS_KEPT && oldest !== undefined) this.#workers.delete(oldest)
  }

  workerReady(worker: number, ready_ms: number): void {
    const record = this.#workers.get(worker)
    if (!record) return
    record.ready_ms = ready_ms
    const { started_ms, booted_ms } = record
    this.#measures?.add(worker, 'boot', started_ms, booted_ms ?? ready_ms, 'secondary-dark', [])
    this.#measures?.add(worker, 'install', booted_ms ?? ready_ms, ready_ms, 'secondary', [])
  }

  workerGone(worker: number, gone_ms: number): void {
    const record = this.#workers.get(worker)
    if (record) record.gone_ms = gone_ms
  }

  /** @param worker `null` for what the page does for all of them. */
  installProgressed(worker: number | null, event: { step: string }, at_ms: number): void {
    const { step: name, ...args } = event
    const record = worker === null ? null : this.#workers.get(worker)
    if (record && name === 'WorkerBooted') record.booted_ms ??= at_ms
    // Progress within a file is news for a view, and noise in a trace.
    if (name === 'FileProgress') return
    const steps = worker === null ? this.#steps : record?.steps
    if (steps && steps.length < MAX_STEPS) steps.push({ name, at_ms, args })
  }

  taskEnded(task: TaskRecord): void {
    this.#tasks.push(task)
    const { worker, title, started_ms, ended_ms, reason } = task
    if (!this.#measures || worker === null || started_ms === null) return
    const colour = reason === 'Completed' ? 'primary' : 'error'
    this.#measures.add(worker, title, started_ms, ended_ms, colour, [
      ['task', taskName(task.task)],
      ['reason', reason],
      ['queued', `${(started_ms - task.queued_ms).toFixed(1)} ms`],
    ])
  }

  /** @param open Tasks that wait or run: they are shown as far as they are. */
  trace(open: TaskRecord[], now_ms: number): Trace {
    const tasks = [...this.#tasks.oldestFirst(), ...open]
    const spans = [
      ...[...this.#workers].flatMap(([id, worker]) => workerEvents(id, worker, now_ms)),
      ...pageEvents(this.#steps),
      ...tasks.flatMap(taskEvents),
      ...queueEvents(tasks),
    ]
    const names = trackNames([...new Set(spans.map(({ tid }) => tid))])
    return { traceEvents: [...names, ...spans.sort((a, b) => a.ts - b.ts)], displayTimeUnit: 'ms' }
  }
}

/** The last tasks, in columns: as objects, the garbage collector would move each of them about. */
class TaskRing {
  readonly #capacity: number
  #next = 0
  readonly #ids: number[] = []
  readonly #titles: string[] = []
  readonly #reasons: TaskRecord['reason'][] = []
  // `NaN` where there is none.
  readonly #workers: number[] = []
  readonly #queued_ms: number[] = []
  readonly #started_ms: number[] = []
  readonly #ended_ms: number[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push({ task, title, worker, queued_ms, started_ms, ended_ms, reason }: TaskRecord): void {
    if (this.#capacity === 0) return
    const at = this.#next
    this.#next = (at + 1) % this.#capacity
    this.#ids[at] = task
    this.#titles[at] = title
    this.#reasons[at] = reason
    this.#workers[at] = worker ?? NaN
    this.#queued_ms[at] = queued_ms
    this.#started_ms[at] = started_ms ?? NaN
    this.#ended_ms[at] = ended_ms
  }

  oldestFirst(): TaskRecord[] {
    const records = this.#ids.map((_, position) => this.#recordAt(position))
    return [...records.slice(this.#next), ...records.slice(0, this.#next)]
  }

  #recordAt(position: number): TaskRecord {
    const of = <T>(column: T[]): T => column[position] as T
    const orNull = (number: number): number | null => (Number.isNaN(number) ? null : number)
    return {
      task: of(this.#ids),
      title: of(this.#titles),
      worker: orNull(of(this.#workers)),
      queued_ms: of(this.#queued_ms),
      started_ms: orNull(of(this.#started_ms)),
      ended_ms: of(this.#ended_ms),
      reason: of(this.#reasons),
    }
  }
}

/** The pool is the trace's one process; its workers are the threads, and the page is thread 0. */
const PID = 1
const PAGE_TID = 0
const tidOf = (worker: number): number => worker

function trackNames(tids: number[]): TraceEvent[] {
  const meta = (name: string, tid: number, args: Record<string, unknown>): TraceEvent => ({ ph: 'M', name, cat: '__metadata', pid: PID, tid, ts: 0, args })
  const tracks = tids.sort((a, b) => a - b).flatMap((tid) => [
    meta('thread_name', tid, { name: tid === PAGE_TID ? 'page' : `worker ${workerName(tid)}` }),
    meta('thread_sort_index', tid, { sort_index: tid }),
  ])
  return [meta('process_name', PAGE_TID, { name: 'millhand pool' }), ...tracks]
}

function workerEvents(id: number, { started_ms, booted_ms, ready_ms, gone_ms, steps }: WorkerRecord, now_ms: number): TraceEvent[] {
  const until = gone_ms ?? now_ms
  const booted = booted_ms ?? ready_ms ?? until
  const events = [span(tidOf(id), 'boot', 'worker', started_ms, booted, {})]
  if (booted_ms !== null || ready_ms !== null) events.push(span(tidOf(id), 'install', 'worker', booted, ready_ms ?? until, { ready: ready_ms !== null }))
  events.push(...steps.map((step) => moment(tidOf(id), step.name, 'install', step.at_ms, step.args)))
  if (gone_ms !== null) events.push(moment(tidOf(id), 'gone', 'worker', gone_ms, {}))
  return events
}

function pageEvents(steps: Step[]): TraceEvent[] {
  const events = steps.map((step) => moment(PAGE_TID, step.name, 'install', step.at_ms, step.args))
  const at = (name: string): number | undefined => steps.find((step) => step.name === name)?.at_ms
  const [asked, answered] = [at('ManifestRequested'), at('ManifestReceived')]
  return asked === undefined || answered === undefined ? events : [...events, span(PAGE_TID, 'resolve', 'install', asked, answered, {})]
}

function taskEvents({ task, title, worker, queued_ms, started_ms, ended_ms, reason }: TaskRecord): TraceEvent[] {
  const taskId = taskName(task)
  const wait = (to_ms: number): number => Math.round(1000 * (to_ms - queued_ms)) / 1000
  if (worker !== null && started_ms !== null) {
    return [span(tidOf(worker), title, 'task', started_ms, ended_ms, { taskId, reason, queued_ms: wait(started_ms) })]
  }
  // One that waits is in the count of those.
  if (reason === 'Open') return []
  return [moment(PAGE_TID, title, 'task', ended_ms, { taskId, reason, queued_ms: wait(ended_ms) })]
}

/** The length of the queue whenever it changed. */
function queueEvents(tasks: TaskRecord[]): TraceEvent[] {
  const changes = new Map<number, number>()
  const change = (at_ms: number, by: number): void => void changes.set(microseconds(at_ms), (changes.get(microseconds(at_ms)) ?? 0) + by)
  for (const { queued_ms, started_ms, ended_ms, reason } of tasks) {
    change(queued_ms, 1)
    if (started_ms !== null) change(started_ms, -1)
    else if (reason !== 'Open') change(ended_ms, -1)
  }
  let waiting = 0
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([ts, by]) => ({ ph: 'C', name: 'tasks that wait', cat: 'task', pid: PID, tid: PAGE_TID, ts, args: { waiting: (waiting += by) } }))
}

function span(tid: number, name: string, cat: string, from_ms: number, to_ms: number, args: Record<string, unknown>): TraceEvent {
  const ts = microseconds(from_ms)
  return { ph: 'X', name, cat, pid: PID, tid, ts, dur: Math.max(0, microseconds(to_ms) - ts), args }
}

function moment(tid: number, name: string, cat: string, at_ms: number, args: Record<string, unknown>): TraceEvent {
  return { ph: 'i', s: 't', name, cat, pid: PID, tid, ts: microseconds(at_ms), args }
}

/** Whole ones, so that what follows upon another thing does not overlap with it. */
const microseconds = (ms: number): number => Math.round(ms * 1000)

/** Entries of the page's own timeline, of which DevTools makes tracks. */
class Measures {
  readonly #names = new Set<string>()
  #count = 0

  add(worker: number, title: string, start: number, end: number, color: string, properties: [string, string][]): void {
    this.#count += 1
    if (this.#count > MAX_MEASURES) this.#clear()
    // A name of ours: `clearMeasures` takes all that have a name.
    const name = `\u200b${title}`
    this.#names.add(name)
    const devtools = { dataType: 'track-entry', track: `worker ${workerName(worker)}`, trackGroup: 'millhand', color, properties, tooltipText: title }
    performance.measure(name, { start, end, detail: { devtools } })
  }

  #clear(): void {
    for (const name of this.#names) performance.clearMeasures(name)
    this.#names.clear()
    this.#count = 1
  }
}
