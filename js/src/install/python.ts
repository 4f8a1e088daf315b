/** Python environments: what a user asks for, checked; and where its files are. */

import { InstallError, InvalidInputError } from '../common/errors.js'
import type { PyodideInput } from '../api/inputs.js'
import { checkOptions, isIdentifier } from '../common/checks.js'
import { packageName } from '../wire/names.js'
import { fetchJson } from './fetch.js'
import { parsePythonSpecifier } from './python-specifier.js'
import type { FileEntry, PythonManifest } from './manifest.js'

/** A checked request. */
export interface PythonRequest {
  version: string | null
  modules: string[]
  indexUrl: string | null
  alias: string
  /** `null`: as it is set for the page. */
  image: ImageUse | null
  /** What an image has imported besides the packages. */
  imports: string[]
}

/** Whether workers boot from an image: when there is one, never, or always. */
export type ImageUse = boolean | 'wait'

/** What a millhand server takes if nothing is said. */
export const DEFAULT_PYODIDE = '0.29.5'

/** Of Pyodide, up to 0.29: later ones are laid out in another way. */
const VERSION = /^0\.\d+\.\d+(-[\da-z]+(\.[\da-z]+)*)?$/i

/** Of every distribution, besides its lock. */
export const RUNTIME_FILES = ['pyodide.mjs', 'pyodide.asm.js', 'pyodide.asm.wasm', 'python_stdlib.zip']

/**
 * @param base what a relative `indexUrl` is relative to.
 * @param modulesField the path of the packages' field.
 */
export function parsePythonInput(
  input: string[] | PyodideInput,
  field: string,
  base: string,
  modulesField = `${field}.modules`,
): PythonRequest {
  if (typeof input !== 'object' || input === null) {
    throw new InvalidInputError(field, input, 'is not a list of packages', "give one like `['numpy']`")
  }
  if (Array.isArray(input)) return parsePythonInput({ modules: input }, field, base, field)
  checkOptions(field, input, ['version', 'modules', 'indexUrl', 'pyodideAlias', 'image', 'imports'])
  const { version = null, modules = [], indexUrl = null, pyodideAlias = 'pyodide', image = null, imports = [] } = input
  if (version !== null && (typeof version !== 'string' || !VERSION.test(version))) {
    throw new InvalidInputError(`${field}.version`, version, 'is not a version that workers can run', 'give one like `0.29.5`')
  }
  if (!isIdentifier(pyodideAlias)) {
    throw new InvalidInputError(`${field}.pyodideAlias`, pyodideAlias, 'is not a JavaScript identifier')
  }
  if (indexUrl !== null && !URL.canParse(indexUrl, base)) {
    throw new InvalidInputError(`${field}.indexUrl`, indexUrl, 'is not a url')
  }
  const index = indexUrl === null ? null : new URL(indexUrl, base).href
  return {
    version,
    modules: parseModules(modules, modulesField),
    indexUrl: index,
    alias: pyodideAlias,
    image: image === null ? null : parseImageUse(image, `${field}.image`),
    imports: parseImports(imports, `${field}.imports`),
  }
}

export function parseImageUse(use: unknown, field: string): ImageUse {
  if (typeof use === 'boolean' || use === 'wait') return use
  throw new InvalidInputError(field, use, "is none of `true`, `false` and `'wait'`")
}

/** A dotted name, as after `import`. */
const MODULE_NAME = /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$/u

function parseImports(imports: unknown, field: string): string[] {
  if (!Array.isArray(imports)) throw new InvalidInputError(field, imports, 'is not an array')
  return imports.map((name: unknown, index) => {
    if (typeof name === 'string' && MODULE_NAME.test(name)) return name
    throw new InvalidInputError(`${field}[${index}]`, name, 'is not the name of a Python module', 'give one like `numpy.fft`')
  })
}

function parseModules(modules: unknown, field: string): string[] {
  if (!Array.isArray(modules)) throw new InvalidInputError(field, modules, 'is not an array')
  return modules.map((specifier: unknown, index) => parsePythonSpecifier(specifier, `${field}[${index}]`).text)
}

interface Lock {
  info: unknown
  packages: Record<string, LockEntry>
}

interface LockEntry {
  name: string
  version: string
  file_name: string
  sha256: string
  depends?: string[]
}

/** The manifest of a Pyodide distribution that lies at a url of the user's, made from its lock. */
export async function manifestOfIndex(
  indexUrl: string,
  request: Pick<PythonRequest, 'version' | 'modules'>,
  signal: AbortSignal,
): Promise<PythonManifest> {
  const base = new URL(indexUrl.endsWith('/') ? indexUrl : `${indexUrl}/`)
  return manifestOfLock(await fetchJson(new URL('pyodide-lock.json', base).href, { signal }), base, request)
}

/** The manifest of a Pyodide distribution whose lock is at hand. */
export function manifestOfLock(
  contents: unknown,
  base: URL,
  request: Pick<PythonRequest, 'version' | 'modules'>,
): PythonManifest {
  const lock = parseLock(contents, base.href)
  const entries = resolve(request.modules, lock, base.href)
  const runtime = RUNTIME_FILES.map((name): FileEntry => ({ name, url: new URL(name, base).href, sha256: null, bytes: null }))
  const wheels = entries.map((entry): FileEntry => {
    return { name: entry.file_name, url: new URL(entry.file_name, base).href, sha256: entry.sha256, bytes: null }
  })
  return {
    version: request.version ?? 'of its indexUrl',
    files: [...runtime, ...wheels],
    packages: entries.map((entry) => packageName(entry.name)),
    lock: { info: lock.info, packages: Object.fromEntries(entries.map((entry) => [packageName(entry.name), entry])) },
    image: null,
  }
}

function parseLock(lock: unknown, where: string): Lock {
  const { packages } = (lock ?? {}) as { packages?: unknown }
  if (typeof packages === 'object' && packages !== null) return lock as Lock
  throw new InstallError(`\`pyodide-lock.json\` at \`${where}\` lists no packages`)
}

/** The lock's entries of `specifiers` and of all that they need, dependencies first. */
function resolve(specifiers: string[], lock: Lock, where: string): LockEntry[] {
  const resolved = new Map<string, LockEntry>()
  const visiting = new Set<string>()
  const visit = (specifier: string): void => {
    const { name: key, extras, versions } = parsePythonSpecifier(specifier, 'specifier')
    const entry = lock.packages[key]
    if (!entry) throw new InstallError(`the Python package \`${key}\` is not in the lock of \`${where}\``)
    if (extras.length > 0 || versions.some(({ operator, version }) => operator !== '==' || version.endsWith('*'))) {
      throw new InstallError(`\`${specifier}\` cannot be resolved in the lock of \`${where}\``, {
        hint: 'without a millhand server, give a name, or a name and an exact version',
      })
    }
    const other = versions.find(({ version }) => version !== entry.version)
    if (other) {
      throw new InstallError(`\`${specifier}\` is not in the lock of \`${where}\`, which has version ${entry.version}`)
    }
    if (visiting.has(key)) return
    visiting.add(key)
    entry.depends?.forEach(visit)
    resolved.set(key, entry)
  }
  specifiers.forEach(visit)
  return [...resolved.values()]
}
