/** The script of a notebook's pages. */

import { configureInstall } from './index.js'
import { readPageData } from '../notebook/data.js'
import { followFile, remember } from '../notebook/live-reload.js'
import { Notebook } from '../notebook/notebook.js'
import { highlightAll } from '../notebook/highlight.js'

followColours()
const data = readPageData()
if (data) {
  remember()
  if (data.failed) followFile(data, () => undefined)
  else start(data)
}

function start(data: NonNullable<ReturnType<typeof readPageData>>): void {
  // What an export has locked is beside this script.
  if (data.exported) configureInstall({ manifestUrl: new URL('manifest.json', import.meta.url).href })
  const notebook = new Notebook(data)
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target.closest('[data-role=run-all], [data-role=stop]') : null
    if (!target) return
    event.preventDefault()
    if (target.matches('[data-role=stop]')) notebook.stop()
    else void notebook.runAll()
  })
  addEventListener('error', (event) => take(event, event.error))
  addEventListener('unhandledrejection', (event) => take(event, event.reason))
  const take = (event: Event, error: unknown): void => {
    if (!notebook.showStray(error)) return
    event.preventDefault()
    console.error(error)
  }
  if (!data.exported) {
    followFile(data, (next) => {
      notebook.adopt(next)
      highlightAll()
    })
  }
  highlightAll()
  if (new URLSearchParams(location.search).get('run') === 'all') void notebook.runAll()
}

/** Bootstrap, should a page install it, takes the colours that the page has. */
function followColours(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const tell = (): void => {
    document.documentElement.dataset['bsTheme'] = dark.matches ? 'dark' : 'light'
  }
  tell()
  dark.addEventListener('change', tell)
}
