/** The manifest: exactly which files make an environment. The page asks for it once per pool. */

import { InstallError } from '../common/errors.js'
import { fetchJson } from './fetch.js'
import type { PythonRequest } from './python.js'
import { manifestOfIndex } from './python.js'

/** Where a millhand server answers, on the origin of the page. */
const MANIFEST_URL = '/millhand/manifest'

export interface PythonManifest {
  version: string
  /** Every file that a worker needs. */
  files: FileEntry[]
  /** Names in `lock`, dependencies before dependents. */
  packages: string[]
  lock: unknown
}

export interface FileEntry {
  name: string
  url: string
  /** In hexadecimal; `null` if whoever serves the file gave none. */
  sha256: string | null
  bytes: number | null
}

/** @param signal stops it. */
export async function requestPythonManifest(request: PythonRequest, signal: AbortSignal): Promise<PythonManifest> {
  if (request.indexUrl !== null) return manifestOfIndex(request.indexUrl, request, signal)
  const { version, modules } = request
  const answer = await fetchJson(MANIFEST_URL, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pyodide: { ...(version === null ? {} : { version }), modules } }),
  })
  const manifest = (answer as { pyodide?: PythonManifest }).pyodide
  if (!manifest) {
    throw new InstallError(`\`${MANIFEST_URL}\` did not answer with a manifest`, {
      hint: 'serve the page with `millhand serve`, or give `install.pyodide.indexUrl`',
    })
  }
  return manifest
}
