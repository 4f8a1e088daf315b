/** Brings the page up to date when its file changes. What did not change stays, with all that it shows. */

import type { PageData } from './data.js'

/** Follows the page's file until the page goes. `update` is called after the document has changed. */
export function followFile(data: PageData, update: (data: PageData) => void): void {
  let { version } = data
  const url = (kind: string): URL => new URL(`./notebook/${kind}/${encodeURI(data.name)}`, import.meta.url)
  const events = new EventSource(url('events'))
  let loading = Promise.resolve()
  const load = async (): Promise<void> => {
    const answer = await fetch(url('page'))
    const body = (await answer.json()) as PageData & { error?: { message: string } }
    if (body.error) return tell(body.error.message)
    tell(null)
    if (body.version === version) return
    version = body.version
    if (data.failed) return location.reload()
    patch(body.html ?? '')
    document.title = body.title
    update(body)
  }
  events.addEventListener('version', ({ data: current }) => {
    if (current !== version) loading = loading.then(load).catch((error: unknown) => tell(String(error)))
  })
  addEventListener('pagehide', () => events.close())
}

function tell(problem: string | null): void {
  const shown = document.querySelector('.mh-reload-error')
  if (problem === null) return shown?.remove()
  const box = shown ?? document.createElement('div')
  box.className = 'mh-error mh-reload-error'
  box.setAttribute('role', 'alert')
  box.textContent = `the page was not brought up to date: ${problem}`
  if (!shown) document.querySelector('main')?.before(box)
}

const KEY = Symbol('html of the server')
type Marked = Node & { [KEY]?: string }

/** Remembers what the server sent, before anything changes it. */
export function remember(): void {
  for (const node of document.querySelector('main')?.childNodes ?? []) (node as Marked)[KEY] = keyOf(node)
}

function patch(html: string): void {
  const main = document.querySelector('main')
  if (!main) return
  const template = document.createElement('template')
  template.innerHTML = html
  const next = [...template.content.childNodes]
  const kept = longestCommon([...main.childNodes] as Marked[], next)
  let place: ChildNode | null = main.firstChild
  for (const node of next) {
    const old = kept.get(node)
    if (old) {
      while (place && place !== old) place = removed(place)
      place = old.nextSibling
      // Ids count cells, and their number may have changed.
      if (old instanceof Element && node instanceof Element && node.id) old.id = node.id
    } else {
      ;(node as Marked)[KEY] = keyOf(node)
      main.insertBefore(node, place)
    }
  }
  while (place) place = removed(place)
}

function removed(node: ChildNode): ChildNode | null {
  const next = node.nextSibling
  node.remove()
  return next
}

const keyOf = (node: Node): string =>
  node instanceof Element ? node.outerHTML.replaceAll(/ id="cell-\d+"/g, '') : (node.textContent ?? '').trim()

/** New nodes for which an old one can stay, in the order of both. */
function longestCommon(old: Marked[], next: ChildNode[]): Map<ChildNode, ChildNode> {
  const a = old.map((node) => node[KEY])
  const b = next.map(keyOf)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const kept = new Map<ChildNode, ChildNode>()
  const keep = (from: number, to: number): void => {
    const [node, stays] = [next[to], old[from]]
    if (node && stays) kept.set(node, stays as ChildNode)
  }
  for (let index = 0; index < start; index += 1) keep(index, index)
  for (let index = 1; index <= end; index += 1) keep(a.length - index, b.length - index)
  // In between, the next one that is alike; edits are small, and a worse match only draws more anew.
  let from = start
  for (let to = start; to < b.length - end; to += 1) {
    const found = a.slice(from, a.length - end).indexOf(b[to])
    if (found < 0) continue
    keep(from + found, to)
    from += found + 1
  }
  return kept
}
