/** Colours the page's code when the browser has time for it. */

export function highlightAll(): void {
  const wait = globalThis.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 1))
  wait(() => {
    void import('./editor.js').then(colourAll, () => {
      // The page is going, or the server is gone: code without colours can be read too.
    })
  })
}

function colourAll({ highlight }: { highlight: (code: HTMLElement) => void }): void {
  for (const code of document.querySelectorAll<HTMLElement>('main pre > code[class*=language-]:not([data-coloured])')) {
    code.dataset['coloured'] = ''
    highlight(code)
  }
  for (const snippet of document.querySelectorAll<HTMLElement>('pre[data-lines]')) markLines(snippet)
}

/** Lays a colour behind the lines that `data-lines` names: `2`, `4-6`. */
function markLines(snippet: HTMLElement): void {
  const ranges = [...(snippet.dataset['lines'] ?? '').matchAll(/(\d+)(?:\s*-\s*(\d+))?/g)]
  const layers = ranges.map(([, from, to]) => {
    const [first, last] = [Number(from), Number(to ?? from)]
    return `linear-gradient(var(--mh-lit), var(--mh-lit)) 0 calc(0.7rem + ${first - 1} * 1lh) / 100% calc(${last - first + 1} * 1lh) no-repeat`
  })
  snippet.style.background = [...layers, 'var(--mh-soft)'].join()
}
