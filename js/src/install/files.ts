/** The files of manifests, fetched by the page and verified, once for all who need them. */

import { InstallError } from '../common/errors.js'
import type { InstallEvent } from '../wire/protocol.js'
import { fetchAnd } from './fetch.js'
import type { FileEntry } from './manifest.js'
import { SharedWork } from './shared-work.js'

type Report = (event: InstallEvent) => void

/** A download, and who hears of it. */
interface Flight {
  work: SharedWork<Blob>
  reports: Set<Report>
}

export class Files {
  readonly #flights = new Map<string, Flight>()
  /** What somebody still has. */
  readonly #contents = new Map<string, WeakRef<Blob>>()
  /** What was fetched and verified by this page: the browser's cache has it. */
  readonly #cached = new Set<string>()

  /** The contents, by name. */
  async contents(entries: FileEntry[], report: Report, signal: AbortSignal): Promise<Record<string, Blob>> {
    const blobs = await allOrNone(entries, signal, (entry, signal) => this.#content(entry, report, signal))
    return Object.fromEntries(entries.map((entry, index) => [entry.name, blobs[index] as Blob]))
  }

  /** Sees to it that the browser's cache has them: who loads them by their urls then loads what was verified. */
  async warm(entries: FileEntry[], report: Report, signal: AbortSignal): Promise<void> {
    const missing = entries.filter((entry) => !this.#cached.has(keyOf(entry)))
    await allOrNone(missing, signal, (entry, signal) => this.#content(entry, report, signal))
  }

  async #content(entry: FileEntry, report: Report, signal: AbortSignal): Promise<Blob> {
    const key = keyOf(entry)
    const there = this.#contents.get(key)?.deref()
    const blob = there ?? (await this.#fetch(key, entry, report, signal))
    report({ step: 'FileVerified', name: entry.name, bytes: blob.size })
    return blob
  }

  async #fetch(key: string, entry: FileEntry, report: Report, signal: AbortSignal): Promise<Blob> {
    const known = this.#flights.get(key)
    const flight = known && !known.work.isGivenUp ? known : this.#start(key, entry)
    flight.reports.add(report)
    try {
      return await flight.work.wait(signal)
    } finally {
      flight.reports.delete(report)
    }
  }

  #start(key: string, entry: FileEntry): Flight {
    const reports = new Set<Report>()
    const tell: Report = (event) => reports.forEach((report) => report(event))
    const work = new SharedWork(async (signal) => {
      try {
        const blob = await fetchFile(entry, tell, signal)
        this.#cached.add(key)
        this.#contents.set(key, new WeakRef(blob))
        return blob
      } finally {
        if (this.#flights.get(key)?.work === work) this.#flights.delete(key)
      }
    })
    const flight = { work, reports }
    this.#flights.set(key, flight)
    return flight
  }
}

const keyOf = ({ url, sha256 }: FileEntry): string => `${sha256} ${url}`

/** If one is missing, the others are of no use. */
async function allOrNone<T, Result>(
  entries: T[],
  signal: AbortSignal,
  act: (entry: T, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const one = new AbortController()
  const either = AbortSignal.any([signal, one.signal])
  try {
    return await Promise.all(entries.map((entry) => act(entry, either)))
  } catch (error) {
    one.abort()
    throw error
  }
}

async function fetchFile(entry: FileEntry, report: Report, signal: AbortSignal): Promise<Blob> {
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
