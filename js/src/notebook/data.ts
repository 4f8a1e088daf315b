/** What the server tells a page of itself, as `crates/millhand-notebook` makes it. */

export interface PageData {
  /** As urls name the page: without `.md`. */
  name: string
  /** The file's name, which errors name. */
  file: string
  version: string
  title: string
  cells: CellData[]
  /** There when the page is asked for anew. */
  html?: string
  /** The page is a file of an export: no server compiles what is edited, or tells of changes. */
  exported?: boolean
  /** The page has a mistake, and shows that only. */
  failed?: boolean
}

export interface CellData {
  id: string
  kind: 'js' | 'py' | 'worker'
  language: 'javascript' | 'python'
  source: string
  firstLine: number
  firstColumn: number
  reactive: boolean
  workersPool?: string
  capturedIn?: string[]
  capturedOut?: string[]
  compiled?: Compiled
  error?: CellProblem
}

export interface Compiled {
  /** The body of an async function, with the lines of the source. */
  code: string
  declares: Declaration[]
  uses: string[]
  assigns: string[]
  helper: string
}

export interface Declaration {
  name: string
  mutable: boolean
  assigned: boolean
}

/** A mistake in the syntax. */
export interface CellProblem {
  file: string
  line: number
  column: number
  message: string
}

export type Outcome = { compiled: Compiled } | { error: CellProblem }

/** The page's own data, which its document holds. */
export function readPageData(): PageData | null {
  const text = document.getElementById('mh-data')?.textContent
  return text ? ({ cells: [], ...(JSON.parse(text) as Partial<PageData>) } as PageData) : null
}

/** Has the server compile a source. */
export async function compile(file: string, cell: CellData, source: string, live: string[]): Promise<Outcome> {
  const { language, firstLine, firstColumn } = cell
  const answer = await fetch(new URL('./notebook/cell', import.meta.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ file, language, source, firstLine, firstColumn, live }),
  })
  if (answer.ok) return (await answer.json()) as Outcome
  const { error } = (await answer.json().catch(() => ({ error: { message: answer.statusText } }))) as {
    error: { message: string }
  }
  throw new Error(`the server did not compile the cell: ${error.message}`)
}
