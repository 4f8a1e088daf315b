/** What `display` shows of a value. */

import { render } from '@youwol/rx-vdom'
import type { AnyVirtualDOM } from '@youwol/rx-vdom'
import { inspect } from './inspector.js'

/** An element for any value. Nodes are shown themselves: one that was elsewhere moves. */
export function toNode(value: unknown): Node {
  if (value instanceof Node) return value
  if (typeof value === 'string') return textNode(value)
  if (isVirtualDom(value)) return render(value)
  if (isVirtualChild(value)) return render({ tag: 'div', children: [value] } as unknown as AnyVirtualDOM)
  const html = htmlOfPython(value)
  if (html !== null) return fragmentOf(html)
  return inspect(value)
}

export function textNode(text: string): HTMLElement {
  const line = document.createElement('div')
  line.className = 'mh-text'
  line.textContent = text
  return line
}

function isVirtualDom(value: unknown): value is AnyVirtualDOM {
  return isObject(value) && typeof value['tag'] === 'string' && !(value instanceof Element)
}

function isVirtualChild(value: unknown): boolean {
  return isObject(value) && isObject(value['source$']) && typeof value['vdomMap'] === 'function'
}

/** Python objects that know how they look, such as data frames. */
function htmlOfPython(value: unknown): string | null {
  if (!isObject(value) && typeof value !== 'function') return null
  const { _repr_html_: html } = value as { _repr_html_?: () => unknown }
  if (typeof html !== 'function') return null
  const text = Reflect.apply(html, value, [])
  return typeof text === 'string' ? text : null
}

function fragmentOf(html: string): HTMLElement {
  const box = document.createElement('div')
  box.innerHTML = html
  return box
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
