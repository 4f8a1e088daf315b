/**
 * Images of Python environments, as the page has them: found in the browser's storage, taken from a file that was made ahead, or made
 * by a worker of their own.
 */

import { sizeOf } from '../image/bytes.js'
import { compile, partsOf } from '../image/parts.js'
import { bytesOf, ImageStore } from '../image/store.js'
import type { BuildNews, BuildOrder, ImageFile, PythonImage, StoredImage } from '../wire/image.js'
import { IMAGE_FORMAT } from '../wire/image.js'
import type { InstallEvent, PythonSetup } from '../wire/protocol.js'
import { packageName } from '../wire/names.js'
import type { PythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'
import { parsePythonSpecifier } from './python-specifier.js'
import { SharedWork } from './shared-work.js'

/** Beside this module, as the worker's script is. */
const BUILDER_URL = new URL('./image-builder.js', import.meta.url).href

/** Workers that wait for an image boot from files then: what it imports may never return. */
const DEADLINE_MS = 120_000

/** Versions of Pyodide with which images were tried: they rely on its private parts. */
const TRIED_VERSIONS = /^0\.(28|29)\.\d+$/

/** Modules that are imported with a package, for tasks that use it most likely use them. */
const USUAL_MODULES: Record<string, string[]> = {
  numpy: ['numpy.fft', 'numpy.linalg', 'numpy.ma', 'numpy.polynomial', 'numpy.random'],
}

/** Uses `ref.test`, with which Pyodide calls functions where it is there. */
const WITH_TYPE_TESTS = [
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  [1, 9, 2, 0x60, 0, 0, 0x60, 1, 0x70, 1, 0x7f],
  [3, 2, 1, 1],
  [10, 9, 1, 7, 0, 0x20, 0, 0xfb, 0x14, 0, 0x0b],
]

/** What of WebAssembly the browser has on which Pyodide's memory depends: without it, the memory of one that has it is of no use. */
function engineFeatures(): boolean[] {
  return [WebAssembly.validate(new Uint8Array(WITH_TYPE_TESTS.flat())), 'Suspending' in WebAssembly]
}

/** An environment that can have an image. */
export interface ImagePlan {
  key: string
  request: string
  imports: string[]
}

/** Why an environment can have none. */
export class NoImage extends Error {}

/**
 * What the image of an environment depends on.
 * @throws NoImage
 */
export function planImage(request: PythonRequest, { version, files, lock }: PythonManifest): ImagePlan {
  // A CDN's urls have the version in them, and stay what they are; a folder of the user's may change.
  const unknown = request.indexUrl === null ? undefined : files.find(({ sha256 }) => sha256 === null)
  if (unknown) throw new NoImage(`no hash is known of \`${unknown.name}\`: it may be another file at the next visit`)
  if (!TRIED_VERSIONS.test(version)) throw new NoImage(`images were not tried with Pyodide ${version}`)
  if (typeof Worker === 'undefined') throw new NoImage('there is no worker to make it')
  const imports = importsOf(request, lock)
  const hashes = files.map(({ name, url, sha256 }) => [name, sha256 ?? url])
  return {
    key: JSON.stringify([IMAGE_FORMAT, version, hashes, imports, engineFeatures()]),
    request: JSON.stringify([request.version, request.modules, request.imports]),
    imports,
  }
}

/** Those of packages are in one order, in whichever the packages were asked for. */
function importsOf({ modules, imports }: PythonRequest, lock: unknown): string[] {
  const { packages = {} } = lock as { packages?: Record<string, { imports?: string[] }> }
  const ofPackages = [...modules].sort().flatMap((specifier) => {
    const name = packageName(parsePythonSpecifier(specifier, 'specifier').name)
    return [...(packages[name]?.imports ?? []), ...(USUAL_MODULES[name] ?? [])]
  })
  return [...new Set([...ofPackages, ...imports])]
}

type Report = (event: InstallEvent) => void

/** An image that is being made, and who hears of it. */
interface Building {
  work: SharedWork<PythonImage>
  reports: Set<Report>
}

export class Images {
  readonly #builds = new Map<string, Building>()
  /** What some pool still has. */
  readonly #images = new Map<string, WeakRef<PythonImage>>()

  /** The image that is there already, in this page or in the browser's storage. One that is damaged there is deleted. */
  async find(plan: ImagePlan, runtime: () => Promise<Blob>, report: Report): Promise<PythonImage | null> {
    const { key } = plan
    const there = this.#images.get(key)?.deref()
    if (there) return there
    const stored = await take(key)
    if (!stored) return null
    const readable = partsOf(stored).catch((cause: unknown) => this.#deleteDamaged(plan, cause, report))
    const [compiled, parts] = await Promise.all([runtime().then(compile), readable])
    if (!parts) return null
    const image = { ...parts, runtime: compiled }
    this.#images.set(key, new WeakRef(image))
    report({ step: 'ImageFound', bytes: bytesOf(stored), from: 'storage' })
    return image
  }

  /**
   * Has an image made, once for all who want it.
   * @throws Error that says why there is none.
   */
  async build(plan: ImagePlan, python: PythonSetup, report: Report, signal: AbortSignal): Promise<PythonImage> {
    const building = this.#join(plan, { python, imports: plan.imports }, report)
    report({ step: 'ImageBuilding' })
    return building.work.wait(signal)
  }

  /**
   * Takes an image out of its file, once for all who want it, and keeps it.
   * @throws Error that says why it is of no use.
   */
  async takeOut(plan: ImagePlan, source: ImageFile, report: Report, signal: AbortSignal): Promise<PythonImage> {
    return this.#join(plan, source, report).work.wait(signal)
  }

  /** An image has turned out to be of no use. */
  async discard({ key }: ImagePlan): Promise<void> {
    this.#images.delete(key)
    this.#builds.delete(key)
    const store = await ImageStore.open().catch(() => null)
    await store?.delete(key).catch(() => undefined)
    store?.close()
  }

  async #deleteDamaged(plan: ImagePlan, cause: unknown, report: Report): Promise<null> {
    await this.discard(plan)
    report({ step: 'ImageUnavailable', reason: `the one in storage is damaged: ${String(cause)}`, instead: 'files' })
    return null
  }

  #join(plan: ImagePlan, source: BuildOrder['source'], report: Report): Building {
    const known = this.#builds.get(plan.key)
    const building = known && !known.work.isGivenUp ? known : this.#start(plan, source)
    building.reports.add(report)
    return building
  }

  #start({ key, request }: ImagePlan, source: BuildOrder['source']): Building {
    const reports = new Set<Report>()
    const work = new SharedWork(async (signal) => {
      try {
        const tell: Report = (event) => reports.forEach((report) => report(event))
        const image = await orderImage({ key, request, source }, tell, signal).built
        this.#images.set(key, new WeakRef(image))
        return image
      } finally {
        if (this.#builds.get(key)?.work === work) this.#builds.delete(key)
      }
    })
    const building = { work, reports }
    this.#builds.set(key, building)
    return building
  }
}

/** The page's own. */
export const pageImages = new Images()

/** What a builder makes, and when that is kept. */
interface OrderedImage {
  built: Promise<PythonImage>
  /** Rejects if it is not kept. */
  kept: Promise<void>
}

/** Starts a builder. It goes on for a while after the image is there, to keep it. */
export function orderImage(order: BuildOrder, tell: Report, signal: AbortSignal): OrderedImage {
  const [built, kept] = [Promise.withResolvers<PythonImage>(), Promise.withResolvers<void>()]
  kept.promise.catch(() => undefined) // Most do not mind.
  const builder = new Worker(BUILDER_URL, { type: 'module', name: 'millhand image' })
  const giveUp = (reason: Error): void => {
    clearTimeout(deadline)
    builder.terminate()
    built.reject(reason)
    kept.reject(reason)
  }
  const deadline = setTimeout(() => giveUp(new Error(`it was not made within ${DEADLINE_MS / 1000} s`)), DEADLINE_MS)
  signal.addEventListener('abort', () => giveUp(signal.reason as Error), { once: true })
  builder.onerror = (event) => giveUp(new Error(`its worker ended: ${event.message}`))
  builder.onmessageerror = () => giveUp(new Error('its worker said what cannot be read'))
  builder.onmessage = ({ data: news }: MessageEvent<BuildNews>) => {
    switch (news.step) {
      case 'Built':
        clearTimeout(deadline)
        tell(eventOf(order, news.image))
        if (news.packBecause !== null) tell({ step: 'ImageUnavailable', reason: news.packBecause, instead: 'pack' })
        return built.resolve(news.image)
      case 'Failed':
        return giveUp(new Error(news.reason))
      case 'Kept':
        builder.terminate()
        if (news.notBecause === null) return kept.resolve()
        tell({ step: 'ImageNotKept', reason: news.notBecause })
        kept.reject(new Error(`it was not kept: ${news.notBecause}`))
    }
  }
  builder.postMessage(order)
  return { built: built.promise, kept: kept.promise }
}

function eventOf({ source }: BuildOrder, { memory, files }: PythonImage): InstallEvent {
  const bytes = sizeOf(memory) + sizeOf(files.content)
  return 'file' in source ? { step: 'ImageFound', bytes, from: 'network' } : { step: 'ImageBuilt', bytes }
}

/** Without storage, there is no image in it. */
export async function take(key: string): Promise<StoredImage | null> {
  const store = await ImageStore.open().catch(() => null)
  const stored = await store?.take(key).catch(() => null)
  store?.close()
  return stored ?? null
}
