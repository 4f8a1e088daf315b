/**
 * Python in Node: the runtime is the project's own `pyodide`. Its packages are those of a millhand server's lock, of a prebuilt
 * manifest, or of the lock that `pyodide` came with; their files are verified, and kept in one folder.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { InstallError } from '../common/errors.js'
import type { PythonManifest } from '../install/manifest.js'
import { PUBLIC_CDNS } from '../install/public-cdns.js'
import { RUNTIME_FILES, manifestOfLock } from '../install/python.js'
import type { PythonRequest } from '../install/python.js'
import { parseNpmSpecifier } from '../install/specifier.js'
import type { InstallEvent, PythonSetup } from '../wire/protocol.js'
import { askForManifest } from './manifest.js'
import { findPackage, parseJson } from './packages.js'
import type { Settings } from './settings.js'
import { readWheels, withWheels } from './overlay.js'
import { WheelFolder } from './wheel-folder.js'

export interface PythonOptions {
  projects: string[]
  settings: Settings
  report: (event: InstallEvent) => void
  signal: AbortSignal
}

/** A Pyodide that is there. */
interface Runtime {
  version: string
  /** Ends with a slash. */
  url: URL
  /** Where its packages are kept, if the user says nothing else. */
  cache: URL
}

export async function preparePython(request: PythonRequest, options: PythonOptions): Promise<PythonSetup> {
  const { settings, report, signal } = options
  const runtime = await findRuntime(request, options)
  const manifest = await findManifest(request, runtime, options)
  const wheels = manifest.files.filter(({ name }) => !RUNTIME_FILES.includes(name) && name !== 'pyodide-lock.json')
  const { packageCacheDir } = settings
  const cache = packageCacheDir === null ? runtime.cache : pathToFileURL(join(packageCacheDir, '/'))
  const folder = new WheelFolder({ cache, runtime: runtime.url, report, signal })
  await Promise.all(wheels.map((wheel) => folder.provide(wheel)))
  return {
    version: runtime.version,
    alias: request.alias,
    packages: manifest.packages,
    lock: manifest.lock,
    files: {},
    folders: { runtime: runtime.url.href, packages: wheels.length === 0 ? runtime.url.href : cache.href },
  }
}

async function findRuntime({ version, indexUrl }: PythonRequest, { projects }: PythonOptions): Promise<Runtime> {
  if (indexUrl !== null) return runtimeAt(indexUrl)
  // The package is a peer: which version there is, is the project's choice.
  const specifier = version === null ? 'pyodide' : `pyodide#${version}`
  const found = await findPackage(parseNpmSpecifier(specifier, 'specifier'), projects)
  const url = pathToFileURL(join(found.folder, '/'))
  const cache = new URL(`../.cache/millhand/pyodide-${found.version}/`, url)
  return { version: found.version, url, cache }
}

function runtimeAt(indexUrl: string): Runtime {
  const url = new URL(indexUrl.endsWith('/') ? indexUrl : `${indexUrl}/`)
  if (url.protocol !== 'file:') {
    const hint = 'give a folder with a Pyodide distribution, or `npm install pyodide` and leave it out'
    throw new InstallError(`\`${indexUrl}\` is no folder: in Node, Pyodide runs from files`, { hint })
  }
  return { version: 'of its indexUrl', url, cache: url }
}

async function findManifest(request: PythonRequest, runtime: Runtime, options: PythonOptions): Promise<PythonManifest> {
  const { settings, report, signal } = options
  if (settings.manifestUrl && request.indexUrl === null) {
    report({ step: 'ManifestRequested' })
    const asked = { version: runtime.version, modules: request.modules }
    const manifest = await askForManifest(settings.manifestUrl, asked, signal)
    const bytes = manifest.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
    report({ step: 'ManifestReceived', files: manifest.files.length, bytes })
    if (manifest.version === runtime.version) return manifest
    throw new InstallError(`the lock is for Pyodide ${manifest.version}, and ${runtime.version} is installed`, {
      hint: `npm install pyodide@${manifest.version}`,
    })
  }
  const lock = await readLock(new URL('pyodide-lock.json', runtime.url))
  const wheels = await readWheels(settings.overlay)
  const cdn = new URL(`v${runtime.version}/full/`, settings.pyodideCdn ?? PUBLIC_CDNS.pyodideCdn)
  const base = request.indexUrl === null ? cdn : runtime.url
  const manifest = manifestOfLock(withWheels(lock, wheels), base, { ...request, version: runtime.version })
  const own = new Map(wheels.map(({ fileName, url }) => [fileName, url]))
  return { ...manifest, files: manifest.files.map((file) => ({ ...file, url: own.get(file.name) ?? file.url })) }
}

async function readLock(url: URL): Promise<object> {
  const path = fileURLToPath(url)
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new InstallError(`the lock of Pyodide cannot be read: ${cause.message}`, { cause })
  })
  return parseJson(text, path)
}
