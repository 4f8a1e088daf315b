/** How a cell's error is shown: message, line, and the part of the stack that is in the page's file. */

import { element } from './inspector.js'
import type { CellProblem } from './data.js'

export function errorNode(error: unknown, file: string): HTMLElement {
  const box = element('div', 'mh-error')
  box.setAttribute('role', 'alert')
  const { title, hint } = described(error)
  box.append(element('strong', '', title))
  const frames = framesIn(error, file)
  const first = frames[0]
  if (first) box.append(element('div', 'mh-error-place', `${file}, line ${first.line}`))
  if (hint) box.append(element('div', 'mh-error-hint', hint))
  if (frames.length > 0) {
    const text = frames.map(({ name, line, column }) => `${name ? `${name} ` : ''}(${file}:${line}${column ? `:${column}` : ''})`)
    const stack = element('details', 'mh-error-stack')
    stack.append(element('summary', '', 'stack'), element('pre', '', text.join('\n')))
    box.append(stack)
  }
  const cause = error instanceof Error ? error.cause : undefined
  if (cause !== undefined && cause !== null) {
    const { title } = described(cause)
    box.append(element('div', 'mh-error-cause', `caused by ${title}`))
  }
  return box
}

export function problemNode({ file, line, column, message }: CellProblem): HTMLElement {
  const box = element('div', 'mh-error')
  box.setAttribute('role', 'alert')
  box.append(element('strong', '', `SyntaxError: ${message}`), element('div', 'mh-error-place', `${file}, line ${line}, column ${column}`))
  return box
}

function described(error: unknown): { title: string; hint: string | null } {
  if (!(error instanceof Error)) return { title: `thrown: ${String(error)}`, hint: null }
  const { hint } = error as { hint?: unknown }
  return { title: `${error.name}: ${error.message}`, hint: typeof hint === 'string' ? hint : null }
}

interface Frame {
  name: string
  line: number
  column: number | null
}

/** Frames in the file, as engines and Python write them; Python's last is the innermost. */
function framesIn(error: unknown, file: string): Frame[] {
  if (!(error instanceof Error)) return []
  const text = error.stack?.includes(error.message) ? error.stack : `${error.message}\n${error.stack ?? ''}`
  const url = escaped(encodeURI(file))
  const js = [...text.matchAll(new RegExp(`(?:at (?:async )?([^(\\n]*?) ?\\(?|^([^@\\n]*)@)[^\\s(]*?${url}:(\\d+):(\\d+)`, 'gm'))]
  const python = [...text.matchAll(new RegExp(`File "${escaped(file)}", line (\\d+)(?:, in (\\S+))?`, 'g'))].reverse()
  return [
    ...python.map(([, line, name]) => ({ name: name ?? '', line: Number(line), column: null })),
    ...js.map(([, v8, other, line, column]) => ({ name: v8 || other || '', line: Number(line), column: Number(column) })),
  ]
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
