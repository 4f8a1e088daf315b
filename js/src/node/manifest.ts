/** A Python manifest from where `configureInstall({ manifestUrl })` says: a millhand server, or a prebuilt manifest, also as a file. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { InstallError } from '../common/errors.js'
import { fetchJson } from '../install/fetch.js'
import type { PythonManifest } from '../install/manifest.js'
import { parseManifest } from '../install/manifest.js'
import { findPrebuilt } from '../install/prebuilt.js'
import type { PyodideRequest } from '../install/request.js'
import { normalize } from '../install/request.js'
import { parseJson } from './packages.js'

export async function askForManifest(url: URL, pyodide: PyodideRequest, signal: AbortSignal): Promise<PythonManifest> {
  const request = normalize({ pyodide })
  const isPrebuilt = url.pathname.endsWith('.json')
  const manifest = isPrebuilt
    ? findPrebuilt(await documentAt(url, signal), request, url.href)
    : parseManifest(await fetchJson(url.href, { method: 'POST', signal, headers: HEADERS, body: JSON.stringify(request) }), request, url.href)
  return manifest.pyodide as PythonManifest
}

const HEADERS = { 'content-type': 'application/json' }

async function documentAt(url: URL, signal: AbortSignal): Promise<unknown> {
  if (url.protocol !== 'file:') return fetchJson(url.href, { signal })
  const path = fileURLToPath(url)
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new InstallError(`the manifest cannot be read: ${cause.message}`, { cause })
  })
  return parseJson(text, path)
}
