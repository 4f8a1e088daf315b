/**
 * From a checked input to what each worker installs: resolved, fetched and verified once, whatever the pool's size. Workers with
 * Python get an image to boot from, where there is one.
 */

import type { PoolPlan } from '../api/inputs.js'
import type { WorkerSetups } from '../api/platform.js'
import type { WorkerLocation } from '../host.js'
import type { PythonImage } from '../wire/image.js'
import type { InstallEvent, WorkerSetup } from '../wire/protocol.js'
import type { ImagePlan } from './images.js'
import { NoImage, pageImages, planImage } from './images.js'
import type { InstallOptions } from './installer.js'
import { pageInstaller } from './installer.js'
import type { EsmManifest, Manifest, PythonManifest } from './manifest.js'
import type { PythonRequest } from './python.js'

export type SetupPlan = Pick<PoolPlan, 'esm' | 'python' | 'globals' | 'postInstallTasks'>

/** What the page has for all workers. */
interface Prepared {
  setup: WorkerSetup
  /** What the image is made by; `null`: there is none to be had. */
  imagePlan: ImagePlan | null
  /** The one that was there from the start. */
  image: PythonImage | null
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
    const { setup, image: there } = await this.#prepared
    // Images are of Pyodide, which remote workers do not have.
    if (location === 'remote' || this.#isImageBad || !setup.python) return setup
    const image = there ?? (await this.#made())
    return image && !this.#isImageBad ? { ...setup, python: { ...setup.python, image } } : setup
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
  const [modules, pythonSetup, image] = await Promise.all([
    esm && pageInstaller.prepareModules(esm, manifest.esm as EsmManifest, options),
    python && pageInstaller.preparePython(python, manifest.pyodide as PythonManifest, options),
    imagePlan && findImage(imagePlan, manifest.pyodide as PythonManifest, options),
  ])
  return { setup: { modules, python: pythonSetup, globals, postInstallTasks }, imagePlan, image }
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

function findImage(plan: ImagePlan, { files }: PythonManifest, { report, signal }: InstallOptions): Promise<PythonImage | null> {
  const runtime = async (): Promise<Blob> => {
    const name = 'pyodide.asm.wasm'
    // It is on its way for the setup too, and comes once.
    const contents = await pageInstaller.files.contents(files.filter((file) => file.name === name), () => undefined, signal)
    return contents[name] as Blob
  }
  return pageImages.find(plan, runtime, report)
}

function unavailable(cause: unknown): InstallEvent {
  return { step: 'ImageUnavailable', reason: cause instanceof Error ? cause.message : String(cause), instead: 'files' }
}
