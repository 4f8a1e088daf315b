/** What a view of a pool shows, gathered from the pool's observables. It knows no element. */

import type { Subscription } from 'rxjs'
import type { ExitReason, Message } from '../api/messages.js'
import type { PoolStats, RunningTask, WorkerEntry } from '../api/pool-news.js'
import type { WorkersPool } from '../api/workers-pool.js'
import type { CdnEvent } from '../api/messages.js'
import { stepText } from './steps.js'

export type WorkerState = 'starting' | 'installing' | 'idle' | 'busy' | 'lost' | 'ended'

export interface WorkerModel {
  id: string
  /** Where a remote worker runs, as far as it is known; `null` for a local one. */
  machine: string | null
  state: WorkerState
  /** What is installed now, while it is. */
  step: string
  bytes: number
  total: number
  task: { id: string; title: string; since_ms: number } | null
  /** Tasks of the last while. */
  spans: Span[]
  ended: number
  /** How its task ended, if one did in the current batch of news: what is gone with the batch is gone because of that. */
  lastReason: ExitReason | null
}

export interface Span {
  from_ms: number
  to_ms: number
  ok: boolean
}

/** How long the timeline is. */
export const TIMELINE_MS = 30_000
/** Tasks that the timeline of one worker has at most; of more, the oldest are left out. */
const MAX_SPANS = 400
/** Workers that ended are shown this long. */
const GONE_SHOWN_MS = 10_000
/** Over how many tasks latency is told. */
const LATENCIES = 500

export class PoolModel {
  readonly workers = new Map<string, WorkerModel>()
  stats: PoolStats | null = null
  running: RunningTask[] = []
  isTerminated = false
  /** Why the pool cannot get workers. */
  failure: string | null = null
  /** What the page prepares before any worker has it. */
  preparing = { step: '', bytes: 0, total: 0 }
  readonly #ends = new Rate()
  readonly #latencies: number[] = []
  readonly #gone = new Map<string, number>()
  readonly #subscriptions: Subscription[] = []

  /** @param changed is called whenever something has changed. */
  constructor(
    readonly pool: WorkersPool,
    changed: () => void,
  ) {
    this.failure = pool.failure?.message ?? null
    const listen = <T>(source: { subscribe: (observer: { next: (value: T) => void; complete?: () => void }) => Subscription }, next: (value: T) => void): void => {
      const heard = (value: T): void => {
        next(value)
        changed()
      }
      this.#subscriptions.push(source.subscribe({ next: heard }))
    }
    listen<string[]>(pool.startedWorkers$, (ids) => this.#onStarted(ids))
    listen<Record<string, WorkerEntry>>(pool.workers$, (ready) => this.#onReady(Object.values(ready)))
    listen<PoolStats>(pool.stats$, (stats) => this.#onStats(stats))
    listen<RunningTask[]>(pool.runningTasks$, (running) => this.#onRunning(running))
    listen<Message>(pool.mergedChannel$, (message) => this.#onMessage(message))
    listen<CdnEvent>(pool.cdnEvent$, (event) => this.#onInstall(event))
    const ended = pool.stats$.subscribe({
      complete: () => {
        this.isTerminated = true
        this.#onStarted([])
        changed()
      },
    })
    this.#subscriptions.push(ended)
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  /** Tasks that ended in the last second. */
  throughput(now: number): number {
    return this.#ends.lastSecond(now)
  }

  /** From start to exit, in milliseconds: the median, and what 95 of 100 tasks stay below. */
  latency(): { median: number; p95: number } | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return sorted.length === 0 ? null : { median: at(0.5), p95: at(0.95) }
  }

  /** Forgets what is no longer shown. */
  tidy(now: number): void {
    for (const [id, since] of this.#gone) {
      if (now - since < GONE_SHOWN_MS) continue
      this.#gone.delete(id)
      this.workers.delete(id)
    }
    for (const worker of this.workers.values()) {
      const first = worker.spans.findIndex(({ to_ms }) => to_ms > now - TIMELINE_MS)
      if (first > 0) worker.spans.splice(0, first)
    }
  }

  #onStarted(ids: string[]): void {
    for (const id of ids) {
      if (!this.workers.has(id)) {
        this.workers.set(id, { id, machine: null, state: 'starting', step: '', bytes: 0, total: 0, task: null, spans: [], ended: 0, lastReason: null })
      }
    }
    const up = new Set(ids)
    for (const worker of this.workers.values()) {
      if (up.has(worker.id) || this.#gone.has(worker.id)) continue
      worker.state = this.isTerminated || wasAtRest(worker) ? 'ended' : 'lost'
      worker.task = null
      this.#gone.set(worker.id, performance.now())
    }
  }

  #onReady(entries: WorkerEntry[]): void {
    for (const { worker: handle } of entries) {
      const worker = this.workers.get(handle.id)
      if (worker && handle.location === 'remote') worker.machine = handle.machine?.host ?? 'remote'
      if (worker && (worker.state === 'starting' || worker.state === 'installing')) worker.state = 'idle'
    }
  }

  /** The last news of a batch. */
  #onStats(stats: PoolStats): void {
    this.stats = stats
    for (const worker of this.workers.values()) worker.lastReason = null
  }

  #onRunning(running: RunningTask[]): void {
    this.running = running
    for (const { workerId, title, taskId } of running) {
      const worker = this.workers.get(workerId)
      if (!worker || this.#gone.has(workerId)) continue
      // It began before this model did.
      worker.task ??= { id: taskId, title, since_ms: performance.now() }
      worker.state = 'busy'
      if (worker.task.id === taskId) worker.task.title = title
    }
  }

  #onInstall(event: CdnEvent): void {
    const worker = event.workerId === null ? undefined : this.workers.get(event.workerId)
    const place = worker ?? this.preparing
    place.step = stepText(event)
    const { bytes = 0, total = 0 } = event as { bytes?: number; total?: number }
    Object.assign(place, event.step === 'FileProgress' ? { bytes, total } : { bytes: 0, total: 0 })
    if (event.step === 'PoolFailed') this.failure = event.error.message
    if (worker?.state === 'starting') worker.state = 'installing'
    if (worker && event.step === 'WorkerWaiting') worker.machine = 'remote'
    if (worker && event.step === 'WorkerPlaced') worker.machine = event.at.host
  }

  #onMessage(message: Message): void {
    if (message.type === 'Start') {
      const { workerId, taskId } = message.data
      const worker = this.workers.get(workerId)
      if (!worker) return
      worker.state = 'busy'
      worker.task = { id: taskId, title: '', since_ms: performance.now() }
    } else if (message.type === 'Exit') {
      this.#onExit(message.data)
    }
  }

  #onExit({ workerId, error, reason }: { workerId: string | null; error: boolean; reason: ExitReason }): void {
    const now = performance.now()
    this.#ends.add(now)
    const worker = workerId === null ? undefined : this.workers.get(workerId)
    if (!worker?.task) return
    const { since_ms } = worker.task
    this.#latencies.push(now - since_ms)
    if (this.#latencies.length > LATENCIES) this.#latencies.shift()
    worker.spans.push({ from_ms: since_ms, to_ms: now, ok: !error })
    if (worker.spans.length > MAX_SPANS) worker.spans.shift()
    worker.ended += 1
    worker.lastReason = reason
    worker.task = null
    if (worker.state === 'busy') worker.state = 'idle'
  }
}

/** Whether a worker that is gone was not needed any more: it neither died with a task, nor was ended because of one. */
function wasAtRest({ state, lastReason }: WorkerModel): boolean {
  return state === 'idle' && (lastReason === null || lastReason === 'Completed' || lastReason === 'Threw' || lastReason === 'Unclonable')
}

const BUCKET_MS = 100
const BUCKETS = 10

/** Counts events of the last second, in no more memory for a million of them. */
class Rate {
  readonly #counts = new Array<number>(BUCKETS).fill(0)
  #bucket = 0

  add(now: number): void {
    this.#advance(now)
    this.#counts[this.#bucket % BUCKETS] = (this.#counts[this.#bucket % BUCKETS] ?? 0) + 1
  }

  lastSecond(now: number): number {
    this.#advance(now)
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / BUCKET_MS)
    const first = Math.max(this.#bucket + 1, bucket - BUCKETS + 1)
    for (let old = first; old <= bucket; old += 1) this.#counts[old % BUCKETS] = 0
    this.#bucket = bucket
  }
}
