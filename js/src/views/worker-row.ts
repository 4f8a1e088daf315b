/** One worker in a view of a pool: its name, its state, what it is at, and what it ran in the last while. */

import { make, setText } from './elements.js'
import type { WorkerModel } from './pool-model.js'
import { TIMELINE_MS } from './pool-model.js'
import { megabytes } from './steps.js'

/** The timeline's bitmap, which is stretched to its place. */
const WIDTH_PX = 600
const HEIGHT_PX = 14

export interface Colours {
  good: string
  bad: string
  busy: string
}

export class WorkerRow {
  readonly element = make('li', 'worker')
  readonly #state = make('span', 'state')
  readonly #task = make('span', 'task')
  readonly #bar = make('progress', '')
  readonly #canvas = make('canvas', '')

  constructor(id: string) {
    this.element.dataset['worker'] = id
    this.#canvas.width = WIDTH_PX
    this.#canvas.height = HEIGHT_PX
    this.#canvas.setAttribute('role', 'img')
    this.#canvas.setAttribute('aria-label', `tasks of ${id} in the last ${TIMELINE_MS / 1000} seconds`)
    this.#bar.setAttribute('aria-label', `install of ${id}`)
    this.element.append(make('span', 'name', id), this.#state, this.#task, this.#bar, this.#canvas)
  }

  draw(worker: WorkerModel, now: number, colours: Colours): void {
    const { state, machine, step, bytes, total, task, ended } = worker
    const isInstalling = state === 'installing'
    if (this.element.dataset['state'] !== state) this.element.dataset['state'] = state
    setText(this.#state, state)
    const current = task ? `${task.title || task.id} · ${time(now - task.since_ms)}` : `${ended} done`
    const text = isInstalling ? progressText(step, bytes, total) : current
    setText(this.#task, machine === null ? text : `${machine} · ${text}`)
    this.#task.title = isInstalling ? step : (task?.title ?? '')
    this.#bar.hidden = !isInstalling
    this.#canvas.hidden = isInstalling
    if (isInstalling) this.#drawBar(bytes, total)
    else this.#drawTimeline(worker, now, colours)
  }

  #drawBar(bytes: number, total: number): void {
    if (total > 0) {
      this.#bar.max = total
      this.#bar.value = Math.min(bytes, total)
    } else {
      this.#bar.removeAttribute('value')
    }
  }

  #drawTimeline({ spans, task }: WorkerModel, now: number, { good, bad, busy }: Colours): void {
    const context = this.#canvas.getContext('2d')
    if (!context) return
    const at = (moment: number): number => WIDTH_PX - ((now - moment) / TIMELINE_MS) * WIDTH_PX
    context.clearRect(0, 0, WIDTH_PX, HEIGHT_PX)
    for (const { from_ms, to_ms, ok } of spans) {
      const from = Math.max(0, at(from_ms))
      context.fillStyle = ok ? good : bad
      context.fillRect(from, 0, Math.max(1, at(to_ms) - from - 0.5), HEIGHT_PX)
    }
    if (!task) return
    const from = Math.max(0, at(task.since_ms))
    context.fillStyle = busy
    context.fillRect(from, 0, Math.max(1, WIDTH_PX - from), HEIGHT_PX)
  }
}

export function progressText(step: string, bytes: number, total: number): string {
  return total > 0 ? `${step} · ${megabytes(bytes)} of ${megabytes(total)}` : step
}

export const time = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)
