/** The files of a manifest, fetched once by the page and verified, as blobs that all workers share. */

import { InstallError } from '../common/errors.js'
import type { InstallEvent } from '../wire/protocol.js'
import { fetchAnd } from './fetch.js'
import type { FileEntry } from './manifest.js'

/** @param signal stops it. */
export async function fetchFiles(
  entries: FileEntry[],
  report: (event: InstallEvent) => void,
  signal: AbortSignal,
): Promise<Record<string, Blob>> {
  const one = new AbortController()
  const either = AbortSignal.any([signal, one.signal])
  try {
    const blobs = await Promise.all(entries.map((entry) => fetchFile(entry, report, either)))
    return Object.fromEntries(entries.map((entry, index) => [entry.name, blobs[index] as Blob]))
  } catch (error) {
    one.abort() // One is missing: the others are of no use.
    throw error
  }
}

async function fetchFile(entry: FileEntry, report: (event: InstallEvent) => void, signal: AbortSignal): Promise<Blob> {
  const blob = await fetchAnd(entry.url, { signal }, async (response) => {
    const total = entry.bytes ?? Number(response.headers.get('content-length') ?? 0)
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let bytes = 0
    for await (const chunk of chunksOf(response)) {
      chunks.push(chunk)
      bytes += chunk.byteLength
      report({ step: 'FileProgress', name: entry.name, bytes, total })
    }
    return new Blob(chunks)
  })
  if (entry.sha256 !== null) await verify(blob, entry.name, entry.sha256)
  report({ step: 'FileVerified', name: entry.name, bytes: blob.size })
  return blob
}

async function* chunksOf(response: Response): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader()
  if (!reader) return
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

/** A page that is no secure context has no digests; its files come from an origin that it trusts with its scripts. */
async function verify(blob: Blob, name: string, expected: string): Promise<void> {
  if (!globalThis.isSecureContext) return
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  const actual = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  if (actual !== expected) {
    throw new InstallError(`\`${name}\` was changed on its way: its sha256 is ${actual}, and should be ${expected}`)
  }
}
