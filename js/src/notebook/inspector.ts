/** Shows any value so that it can be unfolded: deep and cyclic ones too, for nothing is looked at before it is shown. */

import { tableOf } from './table.js'

/** Entries that are shown at once; a button shows more. */
const STEP = 100
const PREVIEW_ENTRIES = 5
const PREVIEW_TEXT = 80

export function inspect(value: unknown): HTMLElement {
  const table = tableOf(value)
  const box = element('div', 'mh-inspect')
  box.append(table ?? nodeOf(value))
  return box
}

/** What the inspector writes for a value that is not unfolded. */
export function nodeOf(value: unknown): HTMLElement {
  if (!isContainer(value)) return leaf(value)
  const details = element('details', 'mh-fold')
  const summary = element('summary', '')
  summary.append(element('span', 'mh-preview', preview(value)))
  details.append(summary)
  details.addEventListener(
    'toggle',
    () => {
      const list = element('ul', 'mh-entries')
      details.append(list)
      fill(list, entriesOf(value))
    },
    { once: true },
  )
  return details
}

function fill(list: HTMLElement, entries: Iterator<Entry>): void {
  for (let count = 0; count < STEP; count += 1) {
    const { done, value: entry } = entries.next()
    if (done) return
    const item = element('li', '')
    item.append(element('span', 'mh-key', `${entry.key}: `), nodeOf(entry.value))
    list.append(item)
  }
  const item = element('li', '')
  const more = element('button', 'mh-more', 'more …')
  more.addEventListener('click', () => {
    item.remove()
    fill(list, entries)
  })
  item.append(more)
  list.append(item)
}

interface Entry {
  key: string
  value: unknown
}

function* entriesOf(value: object): Generator<Entry> {
  if (value instanceof Map) {
    let index = 0
    for (const [key, item] of value) yield { key: typeof key === 'object' ? `${index++}` : short(key), value: typeof key === 'object' ? [key, item] : item }
    return
  }
  if (value instanceof Set) {
    let index = 0
    for (const item of value) yield { key: `${index++}`, value: item }
    return
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const { length } = value as unknown as ArrayLike<unknown>
    for (let index = 0; index < length; index += 1) yield { key: `${index}`, value: (value as unknown as ArrayLike<unknown>)[index] }
    return
  }
  for (const key of ownKeys(value)) yield { key: String(key), value: read(value, key) }
  const prototype = quietly(() => Object.getPrototypeOf(value) as object | null)
  if (prototype && prototype !== Object.prototype && prototype !== Function.prototype) yield { key: '[[prototype]]', value: prototype }
}

/** Getters are not called: a value may change by being looked at. */
function read(value: object, key: PropertyKey): unknown {
  const property = quietly(() => Reflect.getOwnPropertyDescriptor(value, key))
  if (property?.get) return new Unread()
  return quietly(() => Reflect.get(value, key) as unknown)
}

class Unread {}

function ownKeys(value: object): PropertyKey[] {
  return quietly(() => Reflect.ownKeys(value)) ?? []
}

function isContainer(value: unknown): value is object {
  if (value instanceof Unread || value instanceof Date || value instanceof RegExp) return false
  if (typeof value === 'function') return isPythonProxy(value) ? false : true
  return typeof value === 'object' && value !== null && !isPythonProxy(value)
}

/** Of Pyodide: its text is Python's, and its keys are not for reading. */
function isPythonProxy(value: object): boolean {
  return quietly(() => 'pyodide' in value || typeof (value as { type?: unknown; destroy?: unknown }).destroy === 'function' && 'type' in value) ?? false
}

function leaf(value: unknown): HTMLElement {
  if (typeof value === 'string') return element('span', 'mh-string', JSON.stringify(value))
  return element('span', `mh-${value === null ? 'null' : typeof value}`, short(value))
}

function short(value: unknown): string {
  if (value instanceof Unread) return '(…)'
  if (typeof value === 'string') return JSON.stringify(clip(value))
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function' && !isPythonProxy(value)) return functionName(value)
  if (Array.isArray(value)) return `Array(${value.length})`
  if (value instanceof Error) return clip(`${value.name}: ${value.message}`)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Map || value instanceof Set) return `${className(value)}(${value.size})`
  if (value instanceof Node) return `<${value.nodeName.toLowerCase()}>`
  if (typeof value === 'object' && value !== null && !(value instanceof RegExp) && !isPythonProxy(value)) return `${className(value)} {…}`
  return clip(quietly(() => String(value)) ?? '(unreadable)')
}

const clip = (text: string): string => (text.length > PREVIEW_TEXT ? `${text.slice(0, PREVIEW_TEXT)}…` : text)

function functionName(value: object): string {
  const source = quietly(() => Function.prototype.toString.call(value)) ?? ''
  const { name } = value as { name?: unknown }
  const label = typeof name === 'string' && name ? name : 'anonymous'
  return source.startsWith('class') ? `class ${label}` : `ƒ ${label}()`
}

function className(value: object): string {
  const tag = quietly(() => (value as Record<symbol, unknown>)[Symbol.toStringTag])
  if (typeof tag === 'string') return tag
  const constructor = quietly(() => (value as { constructor?: { name?: unknown } }).constructor?.name)
  return typeof constructor === 'string' && constructor ? constructor : 'Object'
}

/** Any value in one line, as the inspector writes it; a string as it is. */
export function lineOf(value: unknown): string {
  if (typeof value === 'string') return value
  return quietly(() => (isContainer(value) ? preview(value) : short(value))) ?? '(unreadable)'
}

function preview(value: object): string {
  if (typeof value === 'function') return functionName(value)
  if (value instanceof Error || value instanceof Map || value instanceof Set || value instanceof Node) return short(value)
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const list = value as unknown as ArrayLike<unknown>
    const first = Array.from({ length: Math.min(list.length, PREVIEW_ENTRIES) }, (_, index) => short(list[index]))
    const rest = list.length > PREVIEW_ENTRIES ? ', …' : ''
    return `${Array.isArray(value) ? 'Array' : className(value)}(${list.length}) [${first.join(', ')}${rest}]`
  }
  const keys = ownKeys(value)
  const first = keys.slice(0, PREVIEW_ENTRIES).map((key) => `${String(key)}: ${short(read(value, key))}`)
  const name = className(value)
  const rest = keys.length > PREVIEW_ENTRIES ? ', …' : ''
  return `${name === 'Object' ? '' : `${name} `}{${first.length > 0 ? ` ${first.join(', ')}${rest} ` : ''}}`
}

/** Foreign objects may throw at anything. */
export function quietly<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}

export function element<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, text?: string): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}
