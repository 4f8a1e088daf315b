/** One cell of the page: its element, its text, its state and what it shows. */

import type { CellData, CellProblem, Compiled } from './data.js'
import { textNode, toNode } from './display.js'
import type { Editor } from './editor.js'
import type { SourceMap } from './errors.js'
import { errorNode, lateErrorNode, problemNode } from './errors.js'
import { element } from './inspector.js'

export type CellState = 'idle' | 'running' | 'done' | 'error'

export interface CellActions {
  run: (cell: Cell) => void
  edited: (cell: Cell) => void
  isEditable: boolean
}

/** The most that one run may show; a loop that displays for ever must not end the page. */
const MAX_OUTPUTS = 10_000
/** An interval can fail for ever; the first few say it. */
const MAX_LATE_FAILURES = 3

export class Cell {
  readonly #output: HTMLElement
  readonly #source: HTMLElement
  readonly #run: HTMLButtonElement
  readonly #sourceMap: SourceMap
  readonly #actions: CellActions
  #editor: Editor | null = null
  #text: string
  /** Counts runs: what an earlier one shows late is not shown. */
  #runs = 0
  #lateFailures = 0
  /** What the text was compiled to; `null` if it has changed since. */
  compiled: Compiled | null
  /** Names of other cells that `compiled` reads where they are kept. */
  live: string[] = []

  constructor(
    readonly element: HTMLElement,
    readonly data: CellData,
    sourceMap: SourceMap,
    actions: CellActions,
  ) {
    this.#sourceMap = sourceMap
    this.#actions = actions
    this.#text = data.source
    this.compiled = data.compiled ?? null
    this.#source = element.querySelector<HTMLElement>('.mh-source') ?? document.createElement('pre')
    this.#output = element.querySelector<HTMLElement>('[data-role=output]') ?? document.createElement('div')
    this.#output.setAttribute('aria-live', 'polite')
    this.#run = this.#makeRunButton()
    element.prepend(this.#run)
    this.#source.addEventListener('click', () => void this.edit())
    this.#source.tabIndex = 0
    const editing = actions.isEditable ? 'Enter edits it, ' : ''
    this.#source.setAttribute('aria-label', `source of the cell: ${editing}Shift and Enter run it`)
    this.#source.addEventListener('keydown', (event) => this.#onKey(event))
    if (data.error) {
      this.state = 'error'
      this.#output.append(this.#problemNode(data.error))
    }
  }

  get state(): CellState {
    return this.element.dataset['state'] as CellState
  }

  set state(state: CellState) {
    this.element.dataset['state'] = state
    this.element.toggleAttribute('data-queued', false)
    this.element.setAttribute('aria-busy', String(state === 'running'))
  }

  /** Whether what it shows may be out of date. */
  get isStale(): boolean {
    return this.element.hasAttribute('data-stale')
  }

  set isStale(stale: boolean) {
    this.element.toggleAttribute('data-stale', stale)
  }

  get source(): string {
    return this.#text
  }

  queue(): void {
    this.element.toggleAttribute('data-queued', true)
  }

  /** Begins a run: empties the output, and gives what shows values in it. */
  begin(): { display: (...values: unknown[]) => void; print: (text: string) => void } {
    const run = (this.#runs += 1)
    let shown = 0
    this.#lateFailures = 0
    this.#output.replaceChildren()
    this.state = 'running'
    this.isStale = false
    const show = (make: () => Node): void => {
      if (run !== this.#runs) return
      shown += 1
      if (shown > MAX_OUTPUTS) return
      this.#output.append(shown === MAX_OUTPUTS ? textNode('… more is not shown') : make())
    }
    return {
      display: (...values) => {
        for (const value of values) show(() => toNode(value))
      },
      print: (text) => show(() => textNode(text)),
    }
  }

  succeed(): void {
    this.state = 'done'
  }

  fail(error: unknown): void {
    this.#output.append(errorNode(error, this.#sourceMap))
    this.state = 'error'
  }

  /** Something that the cell started failed after it had run. */
  failLater(error: unknown): void {
    if (this.#lateFailures >= MAX_LATE_FAILURES) return
    this.#lateFailures += 1
    this.#output.append(lateErrorNode(error, this.#sourceMap))
    if (this.state === 'done') this.state = 'error'
  }

  /** A line of the page's file, if it is the cell's. */
  lineAt(line: number): string | null {
    return this.#text.split('\n')[line - this.data.firstLine] ?? null
  }

  refuse(problem: CellProblem): void {
    this.#output.replaceChildren(this.#problemNode(problem))
    this.state = 'error'
  }

  /** Opens the editor. Its script is loaded by the first cell that is edited. */
  async edit(): Promise<void> {
    if (!this.#actions.isEditable) return
    if (this.#editor) return this.#editor.focus()
    const { openEditor } = await import('./editor.js')
    if (this.#editor) return
    this.#editor = openEditor(this.#source, this.data.language, this.#text, {
      changed: (text) => this.#change(text),
      run: () => this.#actions.run(this),
    })
    this.#editor.focus()
  }

  /** The cell may not be one of the page's yet. */
  #problemNode(problem: CellProblem): HTMLElement {
    return problemNode(problem, { file: this.#sourceMap.file, lineAt: (line) => this.lineAt(line) })
  }

  #change(text: string): void {
    if (text === this.#text) return
    this.#text = text
    this.compiled = null
    this.element.toggleAttribute('data-edited', text !== this.data.source)
    if (this.state !== 'idle') this.isStale = true
    this.#actions.edited(this)
  }

  #makeRunButton(): HTMLButtonElement {
    const button = element('button', 'mh-run', '▶')
    button.type = 'button'
    button.title = 'Run (Shift+Enter)'
    button.setAttribute('aria-label', `run the cell at line ${this.data.firstLine}`)
    button.dataset['role'] = 'run'
    button.addEventListener('click', () => this.#actions.run(this))
    return button
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.target !== this.#source) return
    event.preventDefault()
    if (event.shiftKey) this.#actions.run(this)
    else void this.edit()
  }
}
