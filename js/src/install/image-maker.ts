/**
 * The page that the command line opens to have an image made ahead: the builder makes it, as at a visit, and it is handed to the server
 * of the page. The server tells what to make, and takes one answer, from whoever shows the token that is in the page's url.
 */

import { toFile } from '../image/file.js'
import type { InstallEvent } from '../wire/protocol.js'
import { fetchJson } from './fetch.js'
import { orderImage, planImage, take } from './images.js'
import { pageInstaller } from './installer.js'
import type { PythonManifest } from './manifest.js'
import { parseManifest } from './manifest.js'
import { parsePythonInput } from './python.js'
import type { ManifestRequest } from './request.js'

/** Beside the page. */
const ORDER_URL = '/order'
const IMAGE_URL = '/image'
const FAILURE_URL = '/failure'

/** What to make an image of. */
interface MakerOrder {
  request: ManifestRequest
  manifest: unknown
  /** What urls in the manifest are relative to. */
  base: string
}

/** Makes the image and hands it over, or says why there is none. */
export async function runMaker(): Promise<void> {
  const headers = { authorization: `Bearer ${location.hash.slice(1)}` }
  try {
    const order = (await fetchJson(ORDER_URL, { headers })) as MakerOrder
    await handOver(IMAGE_URL, headers, await makeImage(order))
  } catch (cause) {
    await handOver(FAILURE_URL, headers, cause instanceof Error ? cause.message : String(cause))
  }
}

async function makeImage({ request, manifest, base }: MakerOrder): Promise<Blob> {
  const url = new URL(base, location.href).href
  const python = parsePythonInput(request.pyodide ?? {}, 'pyodide', url)
  const { pyodide } = parseManifest(manifest, request, url) as { pyodide: PythonManifest }
  const { key, request: of, imports } = planImage(python, pyodide)
  let packBecause: string | null = null
  const report = (event: InstallEvent): void => {
    if (event.step === 'ImageUnavailable') packBecause = event.reason
  }
  const options = { report, signal: new AbortController().signal }
  const setup = await pageInstaller.preparePython(python, pyodide, options)
  const order = orderImage({ key, request: of, source: { python: setup, imports } }, report, options.signal)
  await order.built
  await order.kept
  const image = await take(key)
  if (!image) throw new Error('the browser did not keep what was made')
  return toFile(key, image, packBecause)
}

async function handOver(url: string, headers: Record<string, string>, body: BodyInit): Promise<void> {
  await fetch(url, { method: 'POST', headers, body })
}
