/** What a view of a pool shows, gathered from the pool's observables. It knows no element. */

import type { Subscription } from 'rxjs'
import type { ExitReason, Message } from '../api/messages.js'
import type { PoolStats, RunningTask, WorkerEntry } from '../api/pool-news.js'
import type { WorkersPool } from '../api/workers-pool.js'
import type { RemoteMachine } from '../wire/protocol.js'

export type WorkerState = 'starting' | 'installing' | 'idle' | 'busy' | 'lost'

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
const LOST_SHOWN_MS = 10_000
/** Over how many tasks latency is told. */
const LATENCIES = 500

export class PoolModel {
  readonly workers = new Map<string, WorkerModel>()
  stats: PoolStats | null = null
  running: RunningTask[] = []
  isTerminated = false
  /** What the page prepares before any worker has it. */
  preparing = { step: '', bytes: 0, total: 0 }
  readonly #ends: number[] = []
  readonly #latencies: number[] = []
  readonly #lost = new Map<string, number>()
  readonly #subscriptions: Subscription[] = []

  /** @param changed is called whenever something has changed. */
  constructor(
    readonly pool: WorkersPool,
    changed: () => void,
  ) {
    const listen = <T>(source: { subscribe: (observer: { next: (value: T) => void; complete?: () => void }) => Subscription }, next: (value: T) => void): void => {
      const heard = (value: T): void => {
        next(value)
        changed()
      }
      this.#subscriptions.push(source.subscribe({ next: heard }))
    }
    listen<string[]>(pool.startedWorkers$, (ids) => this.#onStarted(ids))
    listen<Record<string, WorkerEntry>>(pool.workers$, (ready) => this.#onReady(Object.values(ready)))
    listen<PoolStats>(pool.stats$, (stats) => (this.stats = stats))
    listen<RunningTask[]>(pool.runningTasks$, (running) => this.#onRunning(running))
    listen<Message>(pool.mergedChannel$, (message) => this.#onMessage(message))
    listen<{ workerId: string | null; step: string }>(pool.cdnEvent$, (event) => this.#onInstall(event))
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
    while (this.#ends.length > 0 && (this.#ends[0] ?? 0) < now - 1000) this.#ends.shift()
    return this.#ends.length
  }

  /** From start to exit, in milliseconds: the median, and what 95 of 100 tasks stay below. */
  latency(): { median: number; p95: number } | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return sorted.length === 0 ? null : { median: at(0.5), p95: at(0.95) }
  }

  /** Forgets what is no longer shown. */
  tidy(now: number): void {
    for (const [id, since] of this.#lost) {
      if (now - since < LOST_SHOWN_MS) continue
      this.#lost.delete(id)
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
        this.workers.set(id, { id, machine: null, state: 'starting', step: '', bytes: 0, total: 0, task: null, spans: [], ended: 0 })
      }
    }
    const up = new Set(ids)
    for (const worker of this.workers.values()) {
      if (up.has(worker.id) || worker.state === 'lost') continue
      worker.state = 'lost'
      worker.task = null
      this.#lost.set(worker.id, performance.now())
    }
  }

  #onReady(entries: WorkerEntry[]): void {
    for (const { worker: handle } of entries) {
      const worker = this.workers.get(handle.id)
      if (worker && handle.location === 'remote') worker.machine = handle.machine?.host ?? 'remote'
      if (worker && (worker.state === 'starting' || worker.state === 'installing')) worker.state = 'idle'
    }
  }

  #onRunning(running: RunningTask[]): void {
    this.running = running
    for (const { workerId, title, taskId } of running) {
      const task = this.workers.get(workerId)?.task
      if (task && task.id === taskId) task.title = title
    }
  }

  #onInstall(event: { workerId: string | null; step: string; at?: RemoteMachine }): void {
    const { step, bytes, total, name } = event as { step: string; bytes?: number; total?: number; name?: string }
    const worker = event.workerId === null ? null : this.workers.get(event.workerId)
    const place = worker ?? this.preparing
    place.step = name ? `${step} ${name}` : step
    if (bytes !== undefined) place.bytes = bytes
    if (total !== undefined) place.total = total
    if (worker?.state === 'starting') worker.state = 'installing'
    if (worker && (step === 'WorkerWaiting' || step === 'WorkerPlaced')) worker.machine = event.at?.host ?? 'remote'
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

  #onExit({ workerId, error }: { workerId: string | null; error: boolean; reason: ExitReason }): void {
    const now = performance.now()
    this.#ends.push(now)
    const worker = workerId === null ? undefined : this.workers.get(workerId)
    if (!worker?.task) return
    const { since_ms } = worker.task
    this.#latencies.push(now - since_ms)
    if (this.#latencies.length > LATENCIES) this.#latencies.shift()
    worker.spans.push({ from_ms: since_ms, to_ms: now, ok: !error })
    if (worker.spans.length > MAX_SPANS) worker.spans.shift()
    worker.ended += 1
    worker.task = null
    if (worker.state === 'busy') worker.state = 'idle'
  }
}
