/** The element `mh-pool`: a pool as it is now. It draws at most once a frame, and only what is in the document. */

import type { WorkersPool } from '../api/workers-pool.js'
import type { WorkerModel } from './pool-model.js'
import { PoolModel, TIMELINE_MS } from './pool-model.js'
import { POOL_STYLE } from './pool-style.js'

/** How often times and timelines move while a task runs. */
const TICK_MS = 250

/** `mh-pool`: set its `pool`. */
export class PoolElement extends HTMLElement {
  #pool: WorkersPool | null = null
  #model: PoolModel | null = null
  #parts: Parts | null = null
  #frame = 0
  #timer: ReturnType<typeof setInterval> | undefined
  readonly #rows = new Map<string, Row>()

  get pool(): WorkersPool | null {
    return this.#pool
  }

  set pool(pool: WorkersPool | null) {
    this.#pool = pool
    if (this.isConnected) this.#start()
  }

  connectedCallback(): void {
    this.#start()
  }

  disconnectedCallback(): void {
    this.#stop()
  }

  #start(): void {
    this.#stop()
    if (!this.#pool) return
    this.#parts ??= makeParts(this, {
      resize: (startAt, stretchTo) => this.#resize(startAt, stretchTo),
      terminate: () => this.#pool?.terminate(),
    })
    this.#model = new PoolModel(this.#pool, () => this.#ask())
    this.#timer = setInterval(() => this.#ask(), TICK_MS)
    this.#ask()
  }

  #stop(): void {
    this.#model?.stop()
    this.#model = null
    clearInterval(this.#timer)
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
  }

  #resize(startAt: number, stretchTo: number): void {
    const { note } = this.#parts ?? {}
    try {
      this.#pool?.resize({ startAt, stretchTo })
      if (note) note.textContent = ''
    } catch (error) {
      if (note) note.textContent = error instanceof Error ? error.message : String(error)
    }
  }

  #ask(): void {
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.#draw()
    })
  }

  #draw(): void {
    const [model, parts] = [this.#model, this.#parts]
    if (!model || !parts) return
    const now = performance.now()
    model.tidy(now)
    setText(parts.summary, summaryOf(model))
    setText(parts.exits, exitsOf(model))
    const latency = model.latency()
    const rate = `${model.throughput(now)} tasks/s`
    setText(parts.rates, latency ? `${rate} · median ${time(latency.median)}, 95 % below ${time(latency.p95)}` : rate)
    drawPreparing(parts.preparing, model)
    for (const [id, row] of this.#rows) {
      if (model.workers.has(id)) continue
      row.element.remove()
      this.#rows.delete(id)
    }
    for (const worker of model.workers.values()) {
      const row = this.#rows.get(worker.id) ?? this.#addRow(worker.id, parts)
      drawRow(row, worker, now)
    }
    parts.terminate.disabled = model.isTerminated
    parts.apply.disabled = model.isTerminated
    if (model.isTerminated && model.workers.size === 0) clearInterval(this.#timer)
  }

  #addRow(id: string, parts: Parts): Row {
    const row = makeRow(id)
    this.#rows.set(id, row)
    parts.list.append(row.element)
    return row
  }
}

interface Parts {
  summary: HTMLElement
  exits: HTMLElement
  rates: HTMLElement
  preparing: HTMLElement
  list: HTMLElement
  note: HTMLElement
  terminate: HTMLButtonElement
  apply: HTMLButtonElement
}

interface Row {
  element: HTMLElement
  machine: HTMLElement
  state: HTMLElement
  task: HTMLElement
  bar: HTMLProgressElement
  canvas: HTMLCanvasElement
}

function makeParts(host: HTMLElement, actions: { resize: (startAt: number, stretchTo: number) => void; terminate: () => void }): Parts {
  const root = host.attachShadow({ mode: 'open' })
  const style = document.createElement('style')
  style.textContent = POOL_STYLE
  const box = make('section', 'pool')
  box.setAttribute('aria-label', 'workers pool')
  const summary = make('div', 'summary')
  summary.setAttribute('role', 'status')
  const form = make('form', 'controls')
  const [least, most] = [numberInput('least'), numberInput('most')]
  const apply = make('button', '', 'Resize')
  const terminate = make('button', 'terminate', 'Terminate')
  terminate.type = 'button'
  const note = make('span', 'note')
  note.setAttribute('role', 'alert')
  form.append(labelled('workers from', least), labelled('to', most), apply, terminate, note)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (least.value && most.value) actions.resize(least.valueAsNumber, most.valueAsNumber)
  })
  terminate.addEventListener('click', () => actions.terminate())
  const parts = { summary, exits: make('div', 'exits'), rates: make('div', 'rates'), preparing: make('div', 'preparing'), list: make('ul', 'workers'), note, terminate, apply }
  box.append(summary, parts.rates, parts.exits, parts.preparing, parts.list, form)
  root.append(style, box)
  return parts
}

function numberInput(name: string): HTMLInputElement {
  const input = make('input', '')
  input.type = 'number'
  input.min = '0'
  input.name = name
  return input
}

function labelled(text: string, input: HTMLInputElement): HTMLElement {
  const label = make('label', '', `${text} `)
  label.append(input)
  return label
}

function makeRow(id: string): Row {
  const element = make('li', 'worker')
  element.dataset['worker'] = id
  const [state, task, bar, canvas] = [make('span', 'state'), make('span', 'task'), make('progress', ''), make('canvas', '')]
  canvas.width = 240
  canvas.height = 12
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', `tasks of ${id} in the last ${TIMELINE_MS / 1000} seconds`)
  bar.setAttribute('aria-label', `install of ${id}`)
  const [name, machine] = [make('span', 'name', id), make('span', 'machine')]
  name.append(machine)
  element.append(name, state, task, bar, canvas)
  return { element, machine, state, task, bar, canvas }
}

function drawRow({ element, machine, state, task, bar, canvas }: Row, worker: WorkerModel, now: number): void {
  if (element.dataset['state'] !== worker.state) element.dataset['state'] = worker.state
  element.dataset['location'] = worker.machine === null ? 'local' : 'remote'
  setText(machine, worker.machine ?? '')
  setText(state, worker.state)
  bar.hidden = worker.state !== 'installing'
  if (!bar.hidden) drawBar(bar, worker.bytes, worker.total)
  if (worker.state === 'installing') setText(task, progressText(worker.step, worker.bytes, worker.total))
  else setText(task, worker.task ? `${worker.task.title || worker.task.id} · ${time(now - worker.task.since_ms)}` : `${worker.ended} done`)
  drawTimeline(canvas, worker, now)
}

function drawTimeline(canvas: HTMLCanvasElement, { spans, task }: WorkerModel, now: number): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const { width, height } = canvas
  const style = getComputedStyle(canvas)
  context.clearRect(0, 0, width, height)
  const at = (moment: number): number => width - ((now - moment) / TIMELINE_MS) * width
  const current = task ? [{ from_ms: task.since_ms, to_ms: now, ok: true }] : []
  for (const { from_ms, to_ms, ok } of [...spans, ...current]) {
    const from = Math.max(0, at(from_ms))
    context.fillStyle = style.getPropertyValue(ok ? '--good' : '--bad')
    context.fillRect(from, 0, Math.max(1, at(to_ms) - from - 0.5), height)
  }
}

function drawPreparing(place: HTMLElement, { preparing, workers, isTerminated }: PoolModel): void {
  const waits = [...workers.values()].every(({ state }) => state === 'starting') && !isTerminated
  place.hidden = !waits || preparing.step === ''
  if (!place.hidden) setText(place, progressText(preparing.step, preparing.bytes, preparing.total))
}

function drawBar(bar: HTMLProgressElement, bytes: number, total: number): void {
  if (total > 0) {
    bar.max = total
    bar.value = Math.min(bytes, total)
  } else {
    bar.removeAttribute('value')
  }
}

function progressText(step: string, bytes: number, total: number): string {
  return total > 0 ? `${step} · ${megabytes(bytes)} of ${megabytes(total)}` : step
}

function summaryOf({ workers, stats, isTerminated }: PoolModel): string {
  if (isTerminated) return 'terminated'
  const states = [...workers.values()].map(({ state }) => state)
  const count = (state: string): number => states.filter((known) => known === state).length
  const up = states.length - count('lost')
  const remote = [...workers.values()].filter(({ machine, state }) => machine !== null && state !== 'lost').length
  const parts = [remote > 0 ? `${up} workers (${remote} remote)` : `${up} workers`, `${count('busy')} busy`, `${count('idle')} idle`, `${count('starting') + count('installing')} starting`]
  return `${parts.join(', ')} · ${stats?.queued ?? 0} tasks queued, ${stats?.running ?? 0} running`
}

function exitsOf({ stats }: PoolModel): string {
  const counted = Object.entries(stats?.exits ?? {}).filter(([, count]) => count > 0)
  return counted.length === 0 ? 'no task has ended' : counted.map(([reason, count]) => `${reason} ${count}`).join(' · ')
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const time = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

function setText(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text
}

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, text = ''): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  if (className) element.className = className
  if (text) element.textContent = text
  return element
}
