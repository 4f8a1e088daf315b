/** What a page calls to have packages itself; pools get theirs with `new WorkersPool({ install })`. */

import { checkOptions, checkSignal } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import type { LoadingGraph } from '../install/graph.js'
import { loadingGraphOf, mergeGraphs } from '../install/graph.js'
import { pageInstaller } from '../install/installer.js'
import type { PagePlan } from '../install/installer.js'
import type { PageInstalls } from '../install/page.js'
import type { InstallSettings } from '../install/sources.js'
import type { InstallEvent } from '../wire/protocol.js'
import type { WorkerScope } from '../wire/task-input.js'
import type { InstallInputs } from './inputs.js'
import { parsePageInstall } from './inputs.js'
import type { CdnEvent } from './messages.js'

export interface PageInstallInputs extends InstallInputs {
  /** Hears of the progress, with sizes in bytes. */
  onEvent?: (event: CdnEvent) => void
  /** Gives the install up. */
  signal?: AbortSignal
}

let pageInstalls: PageInstalls | null = null
let loading: Promise<PageInstalls> | null = null

/** What puts things in the page: loaded when the first install is wanted. */
function loadPageInstalls(): Promise<PageInstalls> {
  loading ??= import('../install/page.js').then(({ PageInstalls }) => (pageInstalls = new PageInstalls(pageInstaller)))
  return loading
}

/**
 * Installs packages in this page, sets their names on its global scope, and gives them. What is there already is reused. If
 * anything fails, nothing is set, and no stylesheet stays.
 * @throws InvalidInputError for what cannot be meant.
 * @throws InstallError for what cannot be had.
 */
export async function install<Installed = WorkerScope>(inputs: PageInstallInputs): Promise<Installed> {
  const plan = parse(inputs, ['onEvent', 'signal'])
  const { onEvent, signal = new AbortController().signal } = inputs
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    throw new InvalidInputError('onEvent', onEvent, 'is not a function')
  }
  checkSignal(signal)
  const report = (event: InstallEvent): void => quietly(() => onEvent?.({ ...event, workerId: null }))
  return (await (await loadPageInstalls()).install(plan, { report, signal })) as Installed
}

/** What an install would load: packages, versions and urls. It loads nothing but the manifest. */
export async function queryLoadingGraph(inputs: InstallInputs): Promise<LoadingGraph> {
  const plan = parse(inputs, [])
  const options = { report: () => undefined, signal: new AbortController().signal }
  return loadingGraphOf(await pageInstaller.manifestOf(plan, options))
}

/** What `install` has put into this page so far: packages, versions and urls. Pools have environments of their own. */
export function queryInstalled(): LoadingGraph {
  return pageInstalls?.installed ?? mergeGraphs([])
}

/**
 * Says where this page's manifests come from, and whether its pools use images. Settings that are not given stay as they are.
 * @throws InvalidInputError
 */
export function configureInstall(settings: InstallSettings): void {
  pageInstaller.configure(settings)
}

function parse(inputs: PageInstallInputs, further: string[]): PagePlan {
  checkOptions('input', inputs, ['esm', 'css', 'scripts', 'pyodide', 'backends', ...further])
  return parsePageInstall(inputs)
}

function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    reportError(error)
  }
}
