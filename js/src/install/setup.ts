/**
 * From a checked input to what each worker installs: resolved, fetched and verified once, whatever the pool's size. Workers with
 * Python get an image to boot from, where there is one.
 */

import type { PoolPlan } from '../api/inputs.js'
import type { WorkerSetups } from '../api/platform.js'
import type { WorkerLocation } from '../host.js'
import type { PythonImage } from '../wire/image.js'
import type { InstallEvent, PythonSetup, UnfetchedFile, WorkerSetup } from '../wire/protocol.js'
import type { ImagePlan } from './images.js'
import { NoImage, pageImages, planImage } from './images.js'
import type { InstallOptions } from './installer.js'
import { pageInstaller } from './installer.js'
import { integrityOf } from './integrity.js'
import type { EsmManifest, FileEntry, Manifest, PythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'
import { RUNTIME_FILES } from './python.js'

export type SetupPlan = Pick<PoolPlan, 'esm' | 'python' | 'globals' | 'postInstallTasks'>

/** What the page has for all workers. */
interface Prepared {
  setup: WorkerSetup
  /** What the image is made by; `null`: there is none to be had. */
  imagePlan: ImagePlan | null
  /** The one that was there from the start. */
  image: PythonImage | null
  /** Fetches what was left because of it. */
  complete: () => Promise<WorkerSetup>
}

/** What each worker of a pool installs. */
export class PoolSetups implements WorkerSetups {
  readonly #options: InstallOptions
  #prepared: Promise<Prepared>
  readonly #waits: boolean
  /** Workers that boot from files because there is no image yet, rather than wait for it. */
  #first: number
  #building: Promise<PythonImage | null> | null = null
  #isImageBad = false

  /**
   * @param first how many workers do not wait for an image that is still to be made: they boot beside its making.
   * @param signal stops it.
   */
  constructor(plan: SetupPlan, first: number, report: InstallOptions['report'], signal: AbortSignal) {
    this.#options = { report, signal }
    this.#first = first
    this.#waits = (plan.python?.image ?? pageInstaller.image) === 'wait'
    // Not within the constructor: nobody could subscribe before the first event.
    this.#prepared = Promise.resolve().then(() => prepare(plan, this.#options))
    this.#prepared.catch(() => undefined) // Each worker hears of it.
    signal.addEventListener('abort', () => this.#letGo(), { once: true })
  }

  async next(location: WorkerLocation): Promise<WorkerSetup> {
    const { setup, image: there, complete } = await this.#prepared
    // Images are of Pyodide, which remote workers do not have.
    if (location === 'remote' || !setup.python) return setup
    const image = this.#isImageBad ? null : (there ?? (await this.#made()))
    if (this.#isImageBad) return complete()
    return image ? { ...setup, python: { ...setup.python, image } } : setup
  }

  hear(event: InstallEvent): void {
    // The first workers are up, and the next ones will want it.
    if (event.step === 'WorkerReady') void this.#prepared.then((prepared) => this.#build(prepared))
    if (event.step === 'ImageUnavailable' && !this.#isImageBad) void this.#discard()
  }

  /** The image that is to be made, for workers that wait for it. */
  async #made(): Promise<PythonImage | null> {
    const prepared = await this.#prepared
    if (!this.#waits && !this.#building && this.#first > 0) {
      this.#first -= 1
      return null
    }
    return this.#build(prepared)
  }

  #build({ setup: { python }, imagePlan, image }: Prepared): Promise<PythonImage | null> {
    if (!python || !imagePlan || image) return Promise.resolve(image)
    this.#building ??= pageImages.build(imagePlan, python, this.#options.report, this.#options.signal).catch((cause: unknown) => {
      if (!this.#options.signal.aborted) this.#options.report(unavailable(cause))
      return null
    })
    return this.#building
  }

  /** There are no more workers: what was for them need not be kept. */
  #letGo(): void {
    this.#prepared = new Promise(() => undefined)
    this.#building = null
  }

  async #discard(): Promise<void> {
    this.#isImageBad = true
    const { imagePlan } = await this.#prepared
    if (imagePlan) await pageImages.discard(imagePlan)
  }
}

async function prepare(plan: SetupPlan, options: InstallOptions): Promise<Prepared> {
  const { esm, python, globals, postInstallTasks } = plan
  const manifest: Manifest = esm || python ? await pageInstaller.manifestOf({ esm, css: [], python }, options) : {}
  const imagePlan = python && planOf(python, manifest.pyodide as PythonManifest, options)
  const [modules, ofPython] = await Promise.all([
    esm && pageInstaller.prepareModules(esm, manifest.esm as EsmManifest, options),
    python && preparePython(python, manifest.pyodide as PythonManifest, imagePlan, options),
  ])
  const { pythonSetup = null, image = null } = ofPython ?? {}
  const setup = { modules, python: pythonSetup, globals, postInstallTasks }
  const complete = async (): Promise<WorkerSetup> => {
    if (!python || !pythonSetup?.unfetched) return setup
    return { ...setup, python: await pageInstaller.preparePython(python, manifest.pyodide as PythonManifest, options) }
  }
  return { setup, imagePlan, image, complete }
}

interface PreparedPython {
  pythonSetup: PythonSetup
  image: PythonImage | null
}

/** With an image, the packages' own files stay where they are. */
async function preparePython(
  request: PythonRequest,
  manifest: PythonManifest,
  imagePlan: ImagePlan | null,
  options: InstallOptions,
): Promise<PreparedPython> {
  const prepare = (entries: FileEntry[]): Promise<PythonSetup> => pageInstaller.preparePython(request, manifest, options, entries)
  if (!imagePlan) return { pythonSetup: await prepare(manifest.files), image: null }
  const [runtime, packages] = [ofRuntime(manifest), ofPackages(manifest)]
  const [setup, image] = await Promise.all([prepare(runtime), findImage(imagePlan, manifest, options)])
  if (image) return { pythonSetup: { ...setup, unfetched: packages.map(unfetched) }, image }
  return { pythonSetup: await prepare(manifest.files), image }
}

const isOfRuntime = ({ name }: FileEntry): boolean => RUNTIME_FILES.includes(name)
const ofRuntime = ({ files }: PythonManifest): FileEntry[] => files.filter(isOfRuntime)
const ofPackages = ({ files }: PythonManifest): FileEntry[] => files.filter((file) => !isOfRuntime(file))

function unfetched({ name, url, sha256 }: FileEntry): UnfetchedFile {
  return { name, url, integrity: sha256 && integrityOf(sha256) }
}

function planOf(python: PythonRequest, manifest: PythonManifest, { report }: InstallOptions): ImagePlan | null {
  if ((python.image ?? pageInstaller.image) === false) return null
  try {
    return planImage(python, manifest)
  } catch (cause) {
    if (!(cause instanceof NoImage)) throw cause
    report(unavailable(cause))
    return null
  }
}

/** In this page, in the browser's storage, or made ahead. */
async function findImage(plan: ImagePlan, manifest: PythonManifest, options: InstallOptions): Promise<PythonImage | null> {
  const runtime = async (): Promise<Blob> => {
    // It is on its way for the setup too, and comes once.
    const [blob] = await contentsOf(ofRuntime(manifest).filter(({ name }) => name === 'pyodide.asm.wasm'), {
      ...options,
      report: () => undefined,
    })
    return blob as Blob
  }
  const found = await pageImages.find(plan, runtime, options.report)
  return found ?? downloadImage(plan, manifest, runtime, options)
}

async function downloadImage(
  plan: ImagePlan,
  { image }: PythonManifest,
  runtime: () => Promise<Blob>,
  options: InstallOptions,
): Promise<PythonImage | null> {
  if (!image) return null
  const { report, signal } = options
  try {
    if (image.key !== plan.key) throw new Error('the one that was made ahead is of other files or imports, or for other browsers')
    const [[file], compiled] = await Promise.all([contentsOf([image.file], options), runtime()])
    return await pageImages.takeOut(plan, { file: file as Blob, runtime: compiled }, report, signal)
  } catch (cause) {
    signal.throwIfAborted()
    report(unavailable(cause))
    return null
  }
}

async function contentsOf(entries: FileEntry[], { report, signal }: InstallOptions): Promise<Blob[]> {
  return Object.values(await pageInstaller.files.contents(entries, report, signal))
}

function unavailable(cause: unknown): InstallEvent {
  return { step: 'ImageUnavailable', reason: cause instanceof Error ? cause.message : String(cause), instead: 'files' }
}
