/** The page's cells: in which order they run, with which names, and which of them are out of date. */

import * as webpm from '../entrypoints/index.js'
import { Cell } from './cell.js'
import type { CellData, Compiled, PageData } from './data.js'
import { compile } from './data.js'
import type { SourceMap } from './errors.js'
import { framesIn } from './errors.js'
import { cellFunction } from './javascript.js'
import type { Names } from './javascript.js'
import type { Pyodide } from './python.js'
import { runPython } from './python.js'
import type { Followed } from './reactive.js'
import { follow, follows } from './reactive.js'
import type { Accessor } from './scope.js'
import { Scope } from './scope.js'
import { runInWorker } from './worker-cell.js'

export class Notebook {
  readonly #scope = new Scope()
  readonly #followed = new Map<Cell, Followed>()
  readonly #isEditable: boolean
  #cells: Cell[] = []
  #file: string
  /** Runs that wait or are under way; each begins when the one before has ended. */
  #last: Promise<void> = Promise.resolve()
  readonly #waiting = new Set<Cell>()
  #running: Cell | null = null
  #abort = new AbortController()

  constructor(data: PageData) {
    this.#file = data.file
    this.#isEditable = !data.exported
    this.adopt(data)
  }

  get cells(): readonly Cell[] {
    return this.#cells
  }

  /** Takes over the cells that the document has now; those that were there before stay as they are. */
  adopt(data: PageData): void {
    this.#file = data.file
    const known = new Map(this.#cells.map((cell) => [cell.element, cell]))
    const elements = [...document.querySelectorAll<HTMLElement>('mh-cell')]
    const cells = elements.flatMap((element, index) => {
      const cell = known.get(element)
      const entry = data.cells[index]
      if (cell && entry) Object.assign(cell.data, { firstLine: entry.firstLine, firstColumn: entry.firstColumn })
      if (cell) return [cell]
      return entry ? [this.#makeCell(element, entry)] : []
    })
    for (const cell of this.#cells) if (!cells.includes(cell)) this.#drop(cell)
    this.#cells = cells
    const live = this.#liveNames()
    for (const cell of cells) if (!known.has(cell.element)) cell.live = liveOf(cell, live)
    this.#report()
  }

  /** Runs all cells in their order, up to the first that fails. */
  async runAll(): Promise<void> {
    const runs = this.#cells.map((cell) => this.#enqueue(cell, true))
    await Promise.all(runs)
  }

  async run(cell: Cell): Promise<void> {
    await this.#enqueue(cell, false)
  }

  /** Runs nothing more that waits; ends what runs in a worker, and waits no longer for what runs in the page. */
  stop(): void {
    this.#abort.abort(new Stopped(this.#running))
    this.#abort = new AbortController()
  }

  /** Shows an error that nobody handled at the cell that it comes from; `false` if that is none of the page's. */
  showStray(error: unknown): boolean {
    const lines = framesIn(error, this.#file).map(({ line }) => line)
    const cell = this.#cells.find((cell) => lines.some((line) => cell.lineAt(line) !== null))
    cell?.failLater(error)
    if (cell) this.#report()
    return cell !== undefined
  }

  #enqueue(cell: Cell, isChained: boolean): Promise<void> {
    if (this.#waiting.has(cell)) return this.#last
    this.#waiting.add(cell)
    cell.queue()
    const { signal } = this.#abort
    this.#report()
    const before = this.#last
    this.#last = before.then(async () => {
      this.#waiting.delete(cell)
      this.#running = cell
      try {
        const failed = isChained && this.#cells.slice(0, this.#cells.indexOf(cell)).some(({ state }) => state === 'error')
        if (signal.aborted || failed) cell.element.removeAttribute('data-queued')
        else await this.#runNow(cell, signal)
      } finally {
        this.#running = null
        this.#report()
      }
    })
    return this.#last
  }

  async #runNow(cell: Cell, signal: AbortSignal): Promise<void> {
    const output = cell.begin()
    try {
      const compiled = await this.#compiled(cell)
      if (!compiled) return
      this.#scope.forget(cell)
      await untilAborted(this.#execute(cell, compiled, output, signal), signal)
      cell.succeed()
      this.#spread(cell, compiled)
    } catch (error) {
      cell.fail(error)
    }
  }

  async #compiled(cell: Cell): Promise<Compiled | null> {
    const live = this.#liveNames()
    const isCurrent = cell.compiled !== null && sameNames(liveOf(cell, live), cell.live)
    if (isCurrent) return cell.compiled
    const outcome = await compile(this.#file, cell.data, cell.source, cell.data.kind === 'worker' ? [] : [...live])
    if ('error' in outcome) {
      cell.refuse(outcome.error)
      return null
    }
    cell.compiled = outcome.compiled
    cell.live = liveOf(cell, live)
    return outcome.compiled
  }

  async #execute(cell: Cell, compiled: Compiled, output: ReturnType<Cell['begin']>, signal: AbortSignal): Promise<void> {
    const { data } = cell
    if (data.kind === 'worker') return this.#executeInWorker(cell, compiled, output, signal)
    const used = await this.#valuesOf(cell, compiled)
    if (data.kind === 'py') {
      const names = { display: output.display, ...used }
      const pyodide = await this.#pyodide()
      const { value, declared } = await runPython(pyodide, this.#file, data, compiled, names, output.print)
      this.#scope.define(cell, declared)
      if (value !== undefined && value !== null) output.display(value)
      return
    }
    const names: Names = { [compiled.helper]: this.#helper(cell), display: output.display, webpm, ...used }
    const run = cellFunction(this.#file, data, compiled, names)
    await run()
  }

  async #executeInWorker(cell: Cell, compiled: Compiled, output: ReturnType<Cell['begin']>, signal: AbortSignal): Promise<void> {
    const { data } = cell
    const { workersPool = '', capturedIn = [], capturedOut = [] } = data
    if (workersPool === '') throw new TypeError('the cell names no pool: give it `workers-pool="name"`')
    this.#checkDeclared(cell, [workersPool, ...capturedIn])
    const pool = this.#scope.get(workersPool)
    if (!(pool instanceof webpm.WorkersPool)) throw new TypeError(`\`${workersPool}\` is no workers pool`)
    const captured = Object.fromEntries(capturedIn.map((name) => [name, this.#scope.get(name)]))
    const values = await runInWorker(pool, this.#file, data, compiled, captured, output, signal)
    const accessors = capturedOut.map((name): [string, Accessor] => [name, [() => values[name], (value) => (values[name] = value)]])
    this.#scope.define(cell, Object.fromEntries(accessors))
  }

  /** The values that a cell begins with, of the names that it uses. */
  async #valuesOf(cell: Cell, compiled: Compiled): Promise<Names> {
    this.#checkDeclared(cell, compiled.uses)
    const isByValue = (name: string): boolean => this.#scope.has(name) && (cell.data.kind === 'py' || !cell.live.includes(name))
    const names = Object.fromEntries(compiled.uses.filter(isByValue).map((name) => [name, this.#scope.get(name)]))
    if (!cell.data.reactive) return names
    const known = this.#followed.get(cell)
    // It runs because one of them gave a new value: to subscribe again would give the old ones once more.
    if (known && follows(known, names)) return known.values
    known?.stop()
    const followed = follow(names, () => void this.run(cell))
    this.#followed.set(cell, followed)
    await followed.ready
    return followed.values
  }

  /** A name that another cell would declare is a better answer than `is not defined`. */
  #checkDeclared(cell: Cell, names: string[]): void {
    for (const name of names) {
      if (this.#scope.has(name) || name in globalThis || name === 'display' || name === 'webpm') continue
      const owner = this.#cells.find((other) => other !== cell && declaredBy(other).includes(name))
      if (!owner) continue
      throw new ReferenceError(`\`${name}\` is declared by the cell at line ${owner.data.firstLine}, which has not run`)
    }
  }

  #helper(cell: Cell): object {
    return {
      define: (accessors: Record<string, Accessor>) => this.#scope.define(cell, accessors),
      live: this.#scope.live,
      called: this.#scope.called,
      meta: { url: document.baseURI },
      import: importModule,
    }
  }

  async #pyodide(): Promise<Pyodide> {
    const page = globalThis as { pyodide?: Pyodide }
    const known = this.#scope.has('pyodide') ? (this.#scope.get('pyodide') as Pyodide) : page.pyodide
    if (known) return known
    const installed = (await webpm.install({ pyodide: [] })) as { pyodide?: Pyodide }
    const pyodide = installed.pyodide ?? page.pyodide
    if (!pyodide) throw new Error('Python was installed under another name: run a cell that declares `pyodide`')
    return pyodide
  }

  /** What a run means for the cells that use what it declared. */
  #spread(cell: Cell, { declares }: Compiled): void {
    const names = cell.data.kind === 'worker' ? (cell.data.capturedOut ?? []) : declares.map(({ name }) => name)
    for (const other of this.#cells) {
      if (other === cell || !usedBy(other).some((name) => names.includes(name))) continue
      if (other.data.reactive && other.state !== 'idle') void this.run(other)
      else if ((other.state === 'done' || other.state === 'error') && !this.#waiting.has(other)) other.isStale = true
    }
  }

  #liveNames(): Set<string> {
    const compiled = this.#cells.filter(({ data }) => data.kind === 'js').flatMap((cell) => cell.compiled ?? [])
    const assigned = new Set(compiled.flatMap(({ assigns }) => assigns))
    const declared = this.#cells.flatMap((cell) => cell.compiled?.declares ?? [])
    return new Set(declared.filter((it) => it.assigned || assigned.has(it.name)).map((it) => it.name))
  }

  get #sourceMap(): SourceMap {
    const lineAt = (line: number): string | null => this.#cells.map((cell) => cell.lineAt(line)).find((text) => text !== null) ?? null
    return { file: this.#file, lineAt }
  }

  #makeCell(element: HTMLElement, data: CellData): Cell {
    return new Cell(element, data, this.#sourceMap, {
      run: (cell) => void this.run(cell),
      edited: () => this.#report(),
      isEditable: this.#isEditable,
    })
  }

  #drop(cell: Cell): void {
    this.#followed.get(cell)?.stop()
    this.#followed.delete(cell)
    this.#scope.forget(cell)
  }

  #report(): void {
    const states = this.#cells.map(({ state }) => state)
    const failed = states.includes('error')
    const done = states.length > 0 && states.every((state) => state === 'done')
    const state = this.#waiting.size > 0 || this.#running !== null ? 'running' : failed ? 'failed' : done ? 'done' : 'ready'
    document.body.dataset['state'] = state
    const status = document.querySelector('[data-role=status]')
    if (status) status.textContent = STATUS[state] ?? ''
    const stop = document.querySelector<HTMLButtonElement>('[data-role=stop]')
    if (stop) stop.hidden = state !== 'running'
  }
}

/** What a stopped cell says: what the stop did, and what it did not. */
class Stopped extends Error {
  override readonly name = 'Stopped'

  constructor(cell: Cell | null) {
    super(
      cell?.data.kind === 'worker'
        ? 'the task of this cell was cancelled in its worker'
        : 'the notebook waits no longer for this cell. Code in the page cannot be interrupted: what the cell has started goes on',
    )
  }
}

const STATUS: Record<string, string> = { running: 'running …', failed: 'failed', done: 'done' }

async function importModule(specifier: string): Promise<unknown> {
  if (specifier === 'millhand') return webpm
  if (/^(\.{0,2}\/|[a-z][a-z+.-]*:)/i.test(specifier)) return import(new URL(specifier, document.baseURI).href)
  const modules = [`${specifier} as notebookImport`]
  const { notebookImport } = (await webpm.install({ esm: { modules, autoUnwrapDefault: false } })) as { notebookImport: unknown }
  return notebookImport
}

function usedBy({ data, compiled }: Cell): string[] {
  if (data.kind === 'worker') return [data.workersPool ?? '', ...(data.capturedIn ?? [])]
  return compiled?.uses ?? []
}

function declaredBy({ data, compiled }: Cell): string[] {
  return data.kind === 'worker' ? (data.capturedOut ?? []) : (compiled?.declares ?? []).map(({ name }) => name)
}

function liveOf(cell: Cell, live: Set<string>): string[] {
  if (cell.data.kind !== 'js') return []
  return (cell.compiled?.uses ?? []).filter((name) => live.has(name))
}

const sameNames = (a: string[], b: string[]): boolean => a.length === b.length && a.every((name) => b.includes(name))

async function untilAborted(run: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([run, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
