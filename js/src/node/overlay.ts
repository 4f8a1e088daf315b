/** Wheels of the user's own: they take the place of what a lock has, as a server's `--overlay` does. */

import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InstallError } from '../common/errors.js'
import { packageName } from '../wire/names.js'
import { sha256Of } from './wheel-folder.js'

export interface Wheel {
  fileName: string
  url: string
  name: string
  version: string
  sha256: string
}

/**
 * @param paths of wheels, and of folders with wheels.
 * @throws InstallError for what is neither.
 */
export async function readWheels(paths: string[]): Promise<Wheel[]> {
  const files = await Promise.all(paths.map(wheelsAt))
  return Promise.all(files.flat().map(readWheel))
}

/** A lock in which the wheels are the files of their packages; one of a package that it has not needs nothing else. */
export function withWheels(lock: object, wheels: Wheel[]): object {
  const { packages = {} } = lock as { packages?: Record<string, object> }
  const entries = wheels.map(({ fileName, name, version, sha256 }) => {
    const known = packages[name] ?? { name, depends: [], imports: [], install_dir: 'site', package_type: 'package', unvendored_tests: false }
    return [name, { ...known, version, file_name: fileName, sha256 }] as const
  })
  return { ...lock, packages: { ...packages, ...Object.fromEntries(entries) } }
}

async function wheelsAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = await readdir(path)
    return names.filter((name) => name.endsWith('.whl')).map((name) => join(path, name))
  } catch (cause) {
    throw new InstallError(`the overlay \`${path}\` cannot be read: ${String(cause)}`, { cause })
  }
}

/** `name-version(-build)-python-abi-platform.whl` */
const WHEEL = /^(?<name>[A-Za-z0-9_.]+)-(?<version>[A-Za-z0-9_.!+]+)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl$/

async function readWheel(path: string): Promise<Wheel> {
  const fileName = basename(path)
  const { name, version } = WHEEL.exec(fileName)?.groups ?? {}
  if (name === undefined || version === undefined) {
    throw new InstallError(`the overlay \`${path}\` is not named as wheels are`, { hint: 'name-version-python-abi-platform.whl' })
  }
  return { fileName, url: pathToFileURL(path).href, name: packageName(name), version, sha256: sha256Of(await readFile(path)) }
}
