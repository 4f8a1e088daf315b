/** Arrays of records as tables. Only the rows in sight are in the document, so that ten thousand are as smooth as ten. */

import { element, nodeOf } from './inspector.js'

const ROW_PX = 28
const ROWS_IN_SIGHT = 12
/** Rows beyond the edges, so that scrolling shows no gaps. */
const SPARE_ROWS = 8
const MAX_COLUMNS = 50
/** How many records are looked at for columns. */
const SAMPLE = 100

type Row = Record<string, unknown>

/** A table, if the value is a list of plain records. */
export function tableOf(value: unknown): HTMLElement | null {
  if (!Array.isArray(value) || value.length === 0) return null
  const sample = value.slice(0, SAMPLE) as unknown[]
  if (!sample.every(isRecord)) return null
  const columns = [...new Set(sample.flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS)
  return columns.length > 0 ? draw(value as unknown[], columns) : null
}

function isRecord(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function draw(rows: unknown[], columns: string[]): HTMLElement {
  const box = element('div', 'mh-table')
  box.tabIndex = 0
  box.setAttribute('role', 'region')
  box.setAttribute('aria-label', `table of ${rows.length} rows`)
  const table = element('table', '')
  const head = element('tr', '')
  const isNumber = (name: string): boolean => isRecord(rows[0]) && typeof rows[0][name] === 'number'
  head.append(element('th', '', '#'), ...columns.map((name) => element('th', isNumber(name) ? 'mh-numbers' : '', name)))
  table.append(element('thead', ''), element('tbody', ''))
  table.tHead?.append(head)
  const body = table.tBodies[0] as HTMLTableSectionElement
  table.setAttribute('aria-rowcount', String(rows.length + 1))
  box.append(table)
  box.style.maxHeight = `${(ROWS_IN_SIGHT + 1) * ROW_PX}px`

  let drawn = -1
  const update = (): void => {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - SPARE_ROWS)
    if (first === drawn) return
    drawn = first
    const last = Math.min(rows.length, first + ROWS_IN_SIGHT + 2 * SPARE_ROWS + 1)
    const made = rows.slice(first, last).map((row, index) => rowOf(row, columns, first + index))
    body.replaceChildren(spacer(first, columns), ...made, spacer(rows.length - last, columns))
  }
  let asked = false
  box.addEventListener('scroll', () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      update()
    })
  })
  update()
  return box
}

function rowOf(row: unknown, columns: string[], index: number): HTMLElement {
  const line = element('tr', '')
  line.setAttribute('aria-rowindex', String(index + 2))
  line.append(element('th', '', String(index)))
  for (const column of columns) {
    const cell = element('td', '')
    const value = isRecord(row) ? row[column] : undefined
    if (typeof value === 'string') cell.textContent = value
    else if (value !== undefined) cell.append(nodeOf(value))
    line.append(cell)
  }
  return line
}

function spacer(count: number, columns: string[]): HTMLElement {
  const line = element('tr', 'mh-spacer')
  const cell = element('td', '')
  cell.colSpan = columns.length + 1
  cell.style.height = `${count * ROW_PX}px`
  line.hidden = count === 0
  line.append(cell)
  return line
}
