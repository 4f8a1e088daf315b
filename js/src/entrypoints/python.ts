/** What workers of the web import to start Python. */

import { startPyodide } from '../environment/pyodide.js'
import { restore } from '../image/restore.js'
import type { PythonSetup } from '../wire/protocol.js'
import type { Python, PythonOptions } from '../worker/python.js'
import { startPython as start } from '../worker/python-runtime.js'

export function startPython(setup: PythonSetup, options: PythonOptions): Promise<Python> {
  return start({ fromFiles: startPyodide, fromImage: restore }, setup, options)
}
