/** How a cell's error is shown: message, place and source, and the part of the stack that is in the page's file. */

import { element } from './inspector.js'
import type { CellProblem } from './data.js'

/** Where errors are looked up: the page's file, and the text of a line of it, where a cell has that line. */
export interface SourceMap {
  file: string
  lineAt: (line: number) => string | null
}

export function errorNode(error: unknown, source: SourceMap): HTMLElement {
  const { title, hint } = described(error)
  const box = boxOf(title)
  const [first, ...rest] = framesIn(error, source.file)
  if (first) box.append(...placeOf(first, source))
  if (hint) box.append(element('div', 'mh-error-hint', hint))
  const traceback = tracebackOf(error)
  if (traceback) box.append(folded('traceback', withoutPyodide(traceback)))
  else if (first && rest.length > 0) box.append(folded('stack', [first, ...rest].map((frame) => frameText(frame, source.file)).join('\n')))
  const cause = error instanceof Error ? error.cause : undefined
  if (cause !== undefined && cause !== null) box.append(element('div', 'mh-error-cause', `caused by ${described(cause).title}`))
  return box
}

export function problemNode({ line, column, message }: CellProblem, source: SourceMap): HTMLElement {
  const box = boxOf(`SyntaxError: ${message}`)
  box.append(...placeOf({ name: '', line, column }, source))
  return box
}

/** For what happened after the cell had run, in something that it started. */
export function lateErrorNode(error: unknown, source: SourceMap): HTMLElement {
  const box = errorNode(error, source)
  box.prepend(element('div', 'mh-error-place', 'Later, in what this cell started:'))
  return box
}

function boxOf(title: string): HTMLElement {
  const box = element('div', 'mh-error')
  box.setAttribute('role', 'alert')
  box.append(element('strong', '', title))
  return box
}

function folded(title: string, text: string): HTMLElement {
  const details = element('details', 'mh-error-stack')
  details.append(element('summary', '', title), element('pre', '', text))
  return details
}

function described(error: unknown): { title: string; hint: string | null } {
  if (!(error instanceof Error)) return { title: `thrown: ${String(error)}`, hint: null }
  const traceback = tracebackOf(error)
  if (traceback) return { title: lastPart(traceback), hint: null }
  const { hint } = error as { hint?: unknown }
  if (typeof hint !== 'string') return { title: `${error.name}: ${error.message}`, hint: null }
  // Messages of millhand end in their hint.
  return { title: `${error.name}: ${error.message.replace(`\nhint: ${hint}`, '')}`, hint }
}

/** Of an exception of Python, in the page or in a worker. */
function tracebackOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const { python } = error as { python?: { traceback?: unknown } }
  if (typeof python?.traceback === 'string') return python.traceback.trimEnd()
  return error.name === 'PythonError' ? error.message.trimEnd() : null
}

/** What Python says below the frames: the exception's type and message. */
function lastPart(traceback: string): string {
  const lines = traceback.split('\n')
  const last = lines.findLastIndex((line) => line.startsWith('  '))
  return lines.slice(last + 1).join('\n').trim() || (lines.at(-1) ?? '')
}

/** The traceback without the frames that every cell has. */
function withoutPyodide(traceback: string): string {
  let isShown = true
  const lines = traceback.split('\n').filter((line) => {
    const file = /^ {2}File "(.*)", line \d+/.exec(line)?.[1]
    if (file !== undefined) isShown = file !== '<exec>' && !file.includes('/_pyodide/')
    else if (!line.startsWith('    ')) isShown = true
    return isShown
  })
  return lines.join('\n')
}

interface Frame {
  name: string
  line: number
  column: number | null
}

const frameText = ({ name, line, column }: Frame, file: string): string =>
  `${name ? `${name} ` : ''}(${file}:${line}${column === null ? '' : `:${column}`})`

function placeOf({ line, column }: Frame, { file, lineAt }: SourceMap): HTMLElement[] {
  const place = element('div', 'mh-error-place', `${file}, line ${line}${column === null ? '' : `, column ${column}`}`)
  if (lineAt(line) === null) return [place]
  const excerpt = element('pre', 'mh-error-excerpt')
  for (const shown of [line - 1, line, line + 1]) {
    const text = lineAt(shown)
    if (text === null || (text.trim() === '' && shown !== line)) continue
    excerpt.append(element('b', '', shown === line ? '→ ' : '  '), `${String(shown).padStart(String(line + 1).length)}  ${text}\n`)
  }
  return [place, excerpt]
}

/** Frames in the file, as engines and Python write them, the innermost first. */
export function framesIn(error: unknown, file: string): Frame[] {
  if (!(error instanceof Error)) return []
  const text = tracebackOf(error) ?? error.stack ?? ''
  const url = escaped(encodeURI(file))
  const js = [...text.matchAll(new RegExp(`(?:at (?:async )?([^(\\n]*?) ?\\(?|^([^@\\n]*)@)[^\\s(]*?${url}:(\\d+):(\\d+)`, 'gm'))]
  const python = [...text.matchAll(new RegExp(`File "${escaped(file)}", line (\\d+)(?:, in (\\S+))?`, 'g'))].reverse()
  return [
    ...python.map(([, line, name]) => ({ name: name ?? '', line: Number(line), column: null })),
    ...js.map(([, v8, other, line, column]) => ({ name: v8 || other || '', line: Number(line), column: Number(column) })),
  ]
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
