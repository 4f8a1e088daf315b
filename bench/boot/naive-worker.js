/** What Pyodide's own documentation advises: a worker loads the runtime and its packages itself. */

import { loadPyodide } from './distribution/pyodide.mjs'

// What is posted before there is a listener is lost.
self.onmessage = async ({ data: source }) => self.postMessage((await ready).runPython(source))

const ready = start()

async function start() {
  const pyodide = await loadPyodide()
  await pyodide.loadPackage('numpy', { messageCallback: () => undefined })
  return pyodide
}
