/** What this page has to run pools on: cores, memory, isolation. */

export class RuntimeView {
  readonly tag = 'div'
  readonly class = 'mh-runtime-view'
  readonly connectedCallback = (element: HTMLElement): void => element.replaceChildren(this.element())

  /** A new list of the facts. */
  element(): HTMLElement {
    const list = document.createElement('dl')
    for (const [name, value] of factsOfThisPage()) {
      const [term, fact] = [document.createElement('dt'), document.createElement('dd')]
      term.textContent = name
      fact.textContent = value
      list.append(term, fact)
    }
    return list
  }
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
