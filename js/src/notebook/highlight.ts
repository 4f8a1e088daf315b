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
}
