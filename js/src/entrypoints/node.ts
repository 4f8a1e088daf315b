/** The package as Node imports it. The import waits for the host, which is a small WebAssembly module of the package. */

import { readFile } from 'node:fs/promises'
import * as workersPool from '../api/workers-pool.js'
import { MillhandError } from '../common/errors.js'
import { startHost } from '../host.js'
import type { InstallSettings } from '../install/sources.js'
import { settings } from '../node/settings.js'

await startHost({ module_or_path: await readFile(new URL('../npm/millhand_web_bg.wasm', import.meta.url)) })

export { isMillhandError, InstallError, InvalidInputError, MillhandError, TaskError } from '../common/errors.js'
export { Task } from '../api/task.js'
export { WorkersPool } from '../api/workers-pool.js'
export { RemoteError } from '../wire/errors.js'

/**
 * Says where packages come from. Settings that are not given stay as they are.
 * @throws InvalidInputError
 */
export function configureInstall(given: InstallSettings): void {
  settings.configure(given)
}

/** The workers pool's module, as in pages. */
export async function installWorkersPoolModule(): Promise<Pick<typeof workersPool, 'WorkersPool'>> {
  return workersPool
}

/** For pages alone. */
export async function installViewsModule(): Promise<never> {
  throw forPages('installViewsModule', 'show what `pool.stats$` and `pool.workers$` tell in another way')
}

/** For pages alone. */
export async function install(): Promise<never> {
  throw forPages('install', 'import what is in `node_modules`; workers get theirs with `new WorkersPool({ install })`')
}

/** For pages alone. */
export async function queryLoadingGraph(): Promise<never> {
  throw forPages('queryLoadingGraph', 'ask `npm ls`')
}

function forPages(name: string, hint: string): MillhandError {
  return new MillhandError('unsupported', `\`${name}\` is for pages`, { hint })
}
