/** npm packages that are installed in the project: found as Node finds them, and held to the versions that are asked for. */

import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolve as resolveModule } from 'import-meta-resolve'
import satisfies from 'semver/functions/satisfies.js'
import validRange from 'semver/ranges/valid.js'
import { InstallError } from '../common/errors.js'
import type { NpmSpecifier } from '../install/specifier.js'

export interface InstalledPackage {
  name: string
  version: string
  /** Where it lies. */
  folder: string
  /** The folder from which it was found. */
  project: string
}

/**
 * The package of a specifier, from the first of `projects` that has it.
 * @throws InstallError that says what to install.
 */
export async function findPackage({ name, range }: NpmSpecifier, projects: string[]): Promise<InstalledPackage> {
  for (const project of projects) {
    const found = await lookUp(name, project)
    if (!found) continue
    if (range === null || validRange(range) === null || satisfies(found.version, range)) return found
    throw new InstallError(`\`${name}\` is installed in version ${found.version} (\`${found.folder}\`), and \`${range}\` is asked for`, {
      hint: `npm install ${quoted(`${name}@${range}`)}`,
    })
  }
  throw new InstallError(`the package \`${name}\` is not installed in \`${projects.join('`, nor in `')}\``, {
    hint: `npm install ${quoted(range === null ? name : `${name}@${range}`)}`,
  })
}

/**
 * The url of a module of an installed package, by the conditions that `import` has.
 * @throws InstallError if the package has no such module.
 */
export function moduleUrl({ name, subpath }: NpmSpecifier, { folder, project }: InstalledPackage): string {
  const specifier = subpath === null ? name : `${name}/${subpath}`
  try {
    return resolveModule(specifier, pathToFileURL(join(project, 'millhand.js')).href)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new InstallError(`\`${specifier}\` is no module of the package in \`${folder}\`: ${why}`, { cause })
  }
}

/**
 * The path of a file in an installed package: the one that is named, or the only one whose path ends so.
 * @throws InstallError
 */
export async function fileInPackage({ name, file }: NpmSpecifier, { folder }: InstalledPackage): Promise<string> {
  if (file === null) {
    throw new InstallError(`\`${name}\` names no file of its package`, { hint: `name one: \`${name}~path/of/file.js\`` })
  }
  const files = await filesOf(folder)
  const found = files.includes(file) ? [file] : files.filter((path) => path.endsWith(`/${file}`))
  const [one] = found
  if (one === undefined) throw new InstallError(`the package in \`${folder}\` has no file \`${file}\``)
  if (found.length > 1) {
    const hint = `name more of its path: \`${found.join('`, `')}\``
    throw new InstallError(`more than one file of the package in \`${folder}\` is \`${file}\``, { hint })
  }
  return join(folder, one)
}

/** Without those of packages within it. */
async function filesOf(folder: string): Promise<string[]> {
  const paths = await readdir(folder, { recursive: true })
  return paths.map((path) => path.split(sep).join('/')).filter((path) => !path.startsWith('node_modules/'))
}

/** In `node_modules` of the folder, or of one that it lies in. */
async function lookUp(name: string, project: string): Promise<InstalledPackage | null> {
  for (let at = project; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    const version = await versionIn(folder)
    if (version !== null) return { name, version, folder, project }
    if (at === dirname(at)) return null
  }
}

/** `null` if no package is there. */
async function versionIn(folder: string): Promise<string | null> {
  const file = join(folder, 'package.json')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw new InstallError(`\`${file}\` cannot be read: ${error.message}`, { cause: error })
  })
  if (text === null) return null
  const { version } = parseJson(text, file) as { version?: unknown }
  return typeof version === 'string' ? version : '0.0.0'
}

/** @throws InstallError that names the file. */
export function parseJson(text: string, file: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw new InstallError(`\`${file}\` is not JSON`, { cause })
  }
  throw new InstallError(`\`${file}\` has no object`)
}

const quoted = (text: string): string => (/^[\w@/.^~-]+$/.test(text) ? text : `"${text}"`)
