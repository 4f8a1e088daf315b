/** The element `mh-pool`: a pool as it is now. It draws at most once a frame, and only what is in the document. */

import type { WorkersPool } from '../api/workers-pool.js'
import { make, setText } from './elements.js'
import { PoolModel } from './pool-model.js'
import { POOL_STYLE } from './pool-style.js'
import type { Colours } from './worker-row.js'
import { progressText, time, WorkerRow } from './worker-row.js'

/** How often times and timelines move while a task runs. */
const TICK_MS = 250
/** How often a screen reader is told of what changes all the time. */
const SPEAK_EVERY_MS = 5_000

/** `mh-pool`: set its `pool`. */
export class PoolElement extends HTMLElement {
  #pool: WorkersPool | null = null
  #model: PoolModel | null = null
  #parts: Parts | null = null
  #frame = 0
  #timer: ReturnType<typeof setInterval> | undefined
  #spoken_ms = -SPEAK_EVERY_MS
  readonly #rows = new Map<string, WorkerRow>()

  get pool(): WorkersPool | null {
    return this.#pool
  }

  set pool(pool: WorkersPool | null) {
    this.#pool = pool
    if (this.isConnected) this.#start()
  }

  connectedCallback(): void {
    // Set before the element was defined, it is a plain property, which hides the accessor.
    if (Object.hasOwn(this, 'pool')) {
      const { pool } = this
      Reflect.deleteProperty(this, 'pool')
      this.#pool = pool
    }
    this.#start()
  }

  disconnectedCallback(): void {
    this.#stop()
  }

  #start(): void {
    this.#stop()
    this.#clear()
    if (!this.#pool) return
    this.#parts ??= makeParts(this, {
      resize: (startAt, stretchTo) => this.#resize(startAt, stretchTo),
      saveTrace: () => this.#saveTrace(),
      terminate: () => this.#pool?.terminate(),
    })
    this.#model = new PoolModel(this.#pool, () => this.#ask())
    this.#timer = setInterval(() => this.#ask(), TICK_MS)
    this.#showSizes()
    this.#ask()
  }

  #stop(): void {
    this.#model?.stop()
    this.#model = null
    clearInterval(this.#timer)
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
  }

  /** Nothing of the pool before stays. */
  #clear(): void {
    for (const row of this.#rows.values()) row.element.remove()
    this.#rows.clear()
    if (!this.#parts) return
    const { summary, spoken, exits, rates, preparing, failure, note } = this.#parts
    for (const place of [summary, spoken, exits, rates, preparing, failure, note]) setText(place, '')
    this.#spoken_ms = -SPEAK_EVERY_MS
  }

  #showSizes(): void {
    if (!this.#pool || !this.#parts) return
    const { startAt, stretchTo } = this.#pool.sizes
    this.#parts.least.value = String(startAt)
    this.#parts.most.value = String(stretchTo)
  }

  #resize(startAt: number, stretchTo: number): void {
    if (!this.#pool || !this.#parts) return
    try {
      this.#pool.resize({ startAt, stretchTo })
      setText(this.#parts.note, '')
      this.#showSizes()
    } catch (error) {
      setText(this.#parts.note, error instanceof Error ? error.message : String(error))
    }
  }

  #saveTrace(): void {
    if (!this.#pool) return
    const url = URL.createObjectURL(new Blob([JSON.stringify(this.#pool.trace())], { type: 'application/json' }))
    const link = make('a', '')
    link.href = url
    link.download = 'pool-trace.json'
    link.click()
    URL.revokeObjectURL(url)
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
    const summary = summaryOf(model)
    setText(parts.summary, summary)
    this.#speak(parts, model, summary, now)
    setText(parts.exits, exitsOf(model))
    const latency = model.latency()
    const rate = `${model.throughput(now)} tasks/s`
    setText(parts.rates, latency ? `${rate} · median ${time(latency.median)}, 95 % below ${time(latency.p95)}` : rate)
    drawPreparing(parts, model)
    this.#drawRows(parts, model, now)
    for (const button of [parts.terminate, parts.apply]) button.disabled = model.isTerminated
    if (model.isTerminated && model.workers.size === 0) clearInterval(this.#timer)
  }

  #drawRows(parts: Parts, model: PoolModel, now: number): void {
    for (const [id, row] of this.#rows) {
      if (model.workers.has(id)) continue
      row.element.remove()
      this.#rows.delete(id)
    }
    const colours = coloursOf(this)
    for (const worker of model.workers.values()) {
      let row = this.#rows.get(worker.id)
      if (!row) {
        row = new WorkerRow(worker.id)
        this.#rows.set(worker.id, row)
        parts.list.append(row.element)
      }
      row.draw(worker, now, colours)
    }
  }

  /** The end is told at once, and what goes on now and then. */
  #speak({ spoken }: Parts, { isTerminated }: PoolModel, summary: string, now: number): void {
    if (!isTerminated && now - this.#spoken_ms < SPEAK_EVERY_MS) return
    this.#spoken_ms = now
    setText(spoken, summary)
  }
}

interface Parts {
  summary: HTMLElement
  spoken: HTMLElement
  exits: HTMLElement
  rates: HTMLElement
  preparing: HTMLElement
  failure: HTMLElement
  list: HTMLElement
  note: HTMLElement
  least: HTMLInputElement
  most: HTMLInputElement
  terminate: HTMLButtonElement
  apply: HTMLButtonElement
}

interface Actions {
  resize: (startAt: number, stretchTo: number) => void
  saveTrace: () => void
  terminate: () => void
}

function makeParts(host: HTMLElement, actions: Actions): Parts {
  const root = host.attachShadow({ mode: 'open' })
  const box = make('div', 'pool')
  box.setAttribute('role', 'group')
  box.setAttribute('aria-label', 'workers pool')
  // Where it is may be told as it changes, as outputs of cells are: what changes here all the time is not.
  box.setAttribute('aria-live', 'off')
  const summary = make('div', 'summary')
  // It changes with every task: what is spoken says the same now and then.
  summary.setAttribute('aria-hidden', 'true')
  const spoken = make('div', 'spoken')
  spoken.setAttribute('role', 'status')
  const failure = make('div', 'failure')
  failure.setAttribute('role', 'alert')
  const [rates, exits, preparing, list] = [make('div', 'rates'), make('div', 'exits'), make('div', 'preparing'), make('ul', 'workers')]
  list.setAttribute('aria-label', 'workers')
  const { form, ...controls } = makeControls(actions)
  box.append(summary, spoken, rates, exits, failure, preparing, list, form)
  root.append(make('style', '', POOL_STYLE), box)
  return { summary, spoken, exits, rates, preparing, failure, list, ...controls }
}

function makeControls({ resize, saveTrace, terminate: end }: Actions) {
  const form = make('form', 'controls')
  const [least, most] = [numberInput('least', 0), numberInput('most', 1)]
  const apply = make('button', '', 'Resize')
  const trace = button('Save trace', saveTrace)
  trace.title = 'a file that ui.perfetto.dev opens'
  const terminate = button('Terminate', end)
  terminate.className = 'terminate'
  const note = make('span', 'note')
  note.setAttribute('role', 'alert')
  form.append(labelled('workers from', least), labelled('to', most), apply, make('span', 'space'), trace, terminate, note)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (least.value && most.value) resize(least.valueAsNumber, most.valueAsNumber)
  })
  return { form, least, most, apply, terminate, note }
}

function button(text: string, act: () => void): HTMLButtonElement {
  const made = make('button', '', text)
  made.type = 'button'
  made.addEventListener('click', act)
  return made
}

function numberInput(name: string, min: number): HTMLInputElement {
  const input = make('input', '')
  input.type = 'number'
  input.min = String(min)
  input.name = name
  return input
}

function labelled(text: string, input: HTMLInputElement): HTMLElement {
  const label = make('label', '', `${text} `)
  label.append(input)
  return label
}

/** Asked for once a frame: the page may turn dark. */
function coloursOf(host: HTMLElement): Colours {
  const style = getComputedStyle(host)
  return { good: style.getPropertyValue('--good'), bad: style.getPropertyValue('--bad'), busy: style.getPropertyValue('--busy') }
}

function drawPreparing({ preparing: place, failure }: Parts, { preparing, failure: cause, workers, isTerminated }: PoolModel): void {
  const waits = [...workers.values()].every(({ state }) => state === 'starting') && !isTerminated && cause === null
  place.hidden = !waits || preparing.step === ''
  if (!place.hidden) setText(place, progressText(preparing.step, preparing.bytes, preparing.total))
  setText(failure, cause ?? '')
}

function summaryOf({ workers, stats, isTerminated }: PoolModel): string {
  if (isTerminated) return 'terminated'
  const states = [...workers.values()].map(({ state }) => state)
  const count = (state: string): number => states.filter((known) => known === state).length
  const up = states.length - count('lost') - count('ended')
  const starting = count('starting') + count('installing')
  const remote = [...workers.values()].filter(({ machine, state }) => machine !== null && state !== 'lost' && state !== 'ended').length
  const where = remote > 0 ? ` (${remote} remote)` : ''
  const parts = [`${up} ${up === 1 ? 'worker' : 'workers'}${where}`, `${count('busy')} busy`, `${count('idle')} idle`, ...(starting > 0 ? [`${starting} starting`] : [])]
  return `${parts.join(', ')} · ${stats?.queued ?? 0} tasks queued, ${stats?.running ?? 0} running`
}

function exitsOf({ stats }: PoolModel): string {
  const counted = Object.entries(stats?.exits ?? {}).filter(([, count]) => count > 0)
  return counted.length === 0 ? 'no task has ended' : counted.map(([reason, count]) => `${reason} ${count}`).join(' · ')
}
