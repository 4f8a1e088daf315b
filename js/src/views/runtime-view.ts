/** What this page has: the packages that were installed into it, what they need, and what pools can run on. */

import { queryInstalled } from '../api/install.js'
import { make } from './elements.js'

/**
 * A description for rx-vdom, as it is when it is shown. It tells of what `install` put into the page; pools have environments of
 * their own.
 */
export class RuntimeView {
  readonly tag = 'div'
  readonly class = 'mh-runtime-view'
  readonly connectedCallback = (element: HTMLElement): void => element.replaceChildren(this.element())

  /** A new element with the packages and the facts. */
  element(): HTMLElement {
    const box = make('div', '')
    box.style.cssText = 'font:0.875rem/1.5 system-ui,sans-serif'
    const packages = installedPackages()
    box.append(packages.length > 0 ? packageTable(packages) : make('p', '', 'Nothing was installed into this page.'), factList())
    return box
  }
}

interface Installed {
  name: string
  version: string
  kind: 'module' | 'script' | 'stylesheet' | 'Python'
  needs: string[]
}

function installedPackages(): Installed[] {
  const { packages, scripts, css, pyodide } = queryInstalled()
  const modules = Object.entries(packages).map(([id, needs]): Installed => ({ ...partsOf(id), kind: 'module', needs }))
  const others = (kind: Installed['kind'], items: { name: string; version: string }[]): Installed[] =>
    items.map(({ name, version }) => ({ name, version, kind, needs: [] }))
  const python = pyodide
    ? [
        { name: 'pyodide', version: pyodide.version, kind: 'Python' as const, needs: [] },
        ...pyodide.packages.map(({ name, version, dependencies }) => ({ name, version, kind: 'Python' as const, needs: dependencies })),
      ]
    : []
  return [...modules, ...others('script', scripts), ...others('stylesheet', css), ...python]
}

/** `@scope/name@1.2.3`. */
function partsOf(id: string): { name: string; version: string } {
  const at = id.lastIndexOf('@')
  return { name: id.slice(0, at), version: id.slice(at + 1) }
}

function packageTable(packages: Installed[]): HTMLElement {
  const table = make('table', '')
  table.style.cssText = 'border-collapse:collapse;margin:0 0 0.8rem'
  const caption = make('caption', '', 'Installed in this page')
  caption.style.cssText = 'text-align:start;font-weight:600;caption-side:top;color:inherit;padding:0'
  const head = make('tr', '')
  for (const title of ['package', 'version', 'kind', 'needs']) head.append(cell('th', title))
  const body = make('tbody', '')
  for (const { name, version, kind, needs } of packages) {
    const row = make('tr', '')
    row.append(cell('td', name), cell('td', version), cell('td', kind), cell('td', needs.join(', ') || '–'))
    body.append(row)
  }
  const header = make('thead', '')
  header.append(head)
  table.append(caption, header, body)
  return table
}

function cell(name: 'th' | 'td', text: string): HTMLElement {
  const element = make(name, '', text)
  element.style.cssText = 'text-align:start;padding:0.15rem 1.2rem 0.15rem 0'
  return element
}

function factList(): HTMLElement {
  const list = make('dl', '')
  list.style.cssText = 'display:grid;grid-template-columns:max-content 1fr;gap:0.1rem 1.2rem;margin:0'
  for (const [name, value] of factsOfThisPage()) {
    const fact = make('dd', '', value)
    fact.style.margin = '0'
    list.append(make('dt', '', name), fact)
  }
  return list
}

function factsOfThisPage(): [string, string][] {
  const { hardwareConcurrency, deviceMemory } = navigator as Navigator & { deviceMemory?: number }
  return [
    ['cores', String(hardwareConcurrency)],
    ['memory', deviceMemory === undefined ? 'not told' : `at least ${deviceMemory} GB`],
    ['shared memory', globalThis.crossOriginIsolated ? 'yes: Python can be interrupted' : 'no: the page is not cross-origin isolated'],
    ['secure context', globalThis.isSecureContext ? 'yes' : 'no: files are not verified in the page'],
  ]
}
