/** Modules and scripts: what a user asks for, checked. */

import type { EsmInput } from '../api/inputs.js'
import { checkObject, checkOptions, isIdentifier } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import type { AliasRecord } from '../wire/protocol.js'
import type { NpmSpecifier } from './specifier.js'
import { parseNpmSpecifier } from './specifier.js'

/** A checked request. `Code` is what functions are: themselves in a page, their source on the way to a pool. */
export interface EsmPlan<Code> {
  modules: PlannedModule<Code>[]
  scripts: string[]
  usingDependencies: string[]
  aliases: AliasRecord<Code>[]
  autoUnwrapDefault: boolean
}

export interface PlannedModule<Code> {
  /** Without alias. */
  specifier: string
  /** The alias, else the package's name with the subpath. */
  name: string
  hasAlias: boolean
  sideEffects: Code | null
}

/** What depends on where the modules are to run. */
export interface EsmTarget<Code> {
  /** @throws InvalidInputError for a function that cannot be taken there. */
  toCode: (call: unknown, field: string) => Code
  /** Whether a name cannot be given to something there. */
  isTaken: (name: string) => boolean
}

/** @param scripts further ones, of the field beside. */
export function parseEsmInput<Code>(
  input: string[] | EsmInput | undefined,
  scripts: string[] | undefined,
  prefix: string,
  target: EsmTarget<Code>,
): EsmPlan<Code> | null {
  if (input === undefined && scripts === undefined) return null
  const field = `${prefix}esm`
  const form = Array.isArray(input) ? { modules: input } : (input ?? {})
  checkOptions(field, form, [
    'modules',
    'scripts',
    'aliases',
    'usingDependencies',
    'modulesSideEffects',
    'autoUnwrapDefault',
  ])
  const { autoUnwrapDefault = true } = form
  if (typeof autoUnwrapDefault !== 'boolean') {
    throw new InvalidInputError(`${field}.autoUnwrapDefault`, autoUnwrapDefault, 'is not true or false')
  }
  const names = new Names(target.isTaken)
  const modulesField = Array.isArray(input) ? field : `${field}.modules`
  const modules = parseModules<Code>(form.modules, modulesField, names)
  const plan = {
    modules,
    scripts: [...parseScripts(form.scripts, `${field}.scripts`), ...parseScripts(scripts, `${prefix}scripts`)],
    usingDependencies: parseDependencies(form.usingDependencies, `${field}.usingDependencies`),
    aliases: parseAliases(form.aliases, `${field}.aliases`, modules, names, target),
    autoUnwrapDefault,
  }
  setSideEffects(form.modulesSideEffects, `${field}.modulesSideEffects`, modules, target)
  return { ...plan, scripts: [...new Set(plan.scripts)] }
}

/** The names that an install puts on the global scope. */
export function namesOf(plan: EsmPlan<unknown> | null): string[] {
  return plan ? [...plan.modules, ...plan.aliases].map(({ name }) => name) : []
}

/** Those of them that the user chose. */
export function chosenNames(plan: EsmPlan<unknown> | null): string[] {
  return plan ? [...plan.modules.filter(({ hasAlias }) => hasAlias), ...plan.aliases].map(({ name }) => name) : []
}

/** Names that were given, by the field that gave them. */
class Names {
  readonly #fields = new Map<string, string>()
  readonly #isTaken: (name: string) => boolean

  constructor(isTaken: (name: string) => boolean) {
    this.#isTaken = isTaken
  }

  /** @param value what stands in the field. */
  add(name: string, field: string, value: unknown, isAlias: boolean): void {
    const before = this.#fields.get(name)
    if (before !== undefined) {
      const problem = `gives the name \`${name}\`, which \`${before}\` has given already`
      throw new InvalidInputError(field, value, problem, 'give one of them another name with ` as name`')
    }
    if (isAlias && this.#isTaken(name)) {
      throw new InvalidInputError(field, value, `gives the name \`${name}\`, which cannot be given`, 'choose another one')
    }
    this.#fields.set(name, field)
  }
}

function parseModules<Code>(input: unknown, field: string, names: Names): PlannedModule<Code>[] {
  const modules: PlannedModule<Code>[] = []
  const seen = new Set<string>()
  for (const [index, entry] of listOf(input, field).entries()) {
    const at = `${field}[${index}]`
    const specifier = parseNpmSpecifier(entry, at)
    if (specifier.file !== null) {
      const hint = 'files go to `scripts` or `css`; a module of a package is `name/subpath`'
      throw new InvalidInputError(at, entry, 'names a file, and not a module', hint)
    }
    // The same thing twice, as lists from several places have it.
    if (seen.has(String(entry))) continue
    seen.add(String(entry))
    const name = specifier.alias ?? moduleName(specifier)
    names.add(name, at, entry, specifier.alias !== null)
    modules.push({ specifier: specifier.text, name, hasAlias: specifier.alias !== null, sideEffects: null })
  }
  return modules
}

const moduleName = ({ name, subpath }: NpmSpecifier): string => (subpath === null ? name : `${name}/${subpath}`)

function parseScripts(input: unknown, field: string): string[] {
  return listOf(input, field).map((entry, index) => {
    const at = `${field}[${index}]`
    const specifier = parseNpmSpecifier(entry, at)
    refuseAlias(specifier, entry, at, 'a script sets names of its own: `aliases: { name: () => thatName }`')
    refuseSubpath(specifier, entry, at)
    return specifier.text
  })
}

function parseDependencies(input: unknown, field: string): string[] {
  return listOf(input, field).map((entry, index) => {
    const at = `${field}[${index}]`
    const { name, text, range, alias, file, subpath } = parseNpmSpecifier(entry, at)
    if (range !== null && alias === null && file === null && subpath === null) return text
    throw new InvalidInputError(at, entry, 'is not a package and its version', `give one like \`${name}#^1.0.0\``)
  })
}

/** @throws InvalidInputError for a specifier with an alias. */
export function refuseAlias({ alias }: NpmSpecifier, entry: unknown, field: string, hint: string): void {
  if (alias !== null) throw new InvalidInputError(field, entry, 'has an alias, which it cannot have', hint)
}

/** @throws InvalidInputError for a specifier that names a module where a file is meant. */
export function refuseSubpath({ name, subpath, range, file }: NpmSpecifier, entry: unknown, field: string): void {
  if (subpath === null) return
  const hint = `a file of a package is \`${name}${range === null ? '' : `#${range}`}~${file ?? subpath}\``
  throw new InvalidInputError(field, entry, 'names a module, and not a file', hint)
}

function parseAliases<Code>(
  input: unknown,
  field: string,
  modules: PlannedModule<Code>[],
  names: Names,
  { toCode }: EsmTarget<Code>,
): AliasRecord<Code>[] {
  if (input === undefined) return []
  checkObject(field, input)
  return Object.entries(input).map(([name, of]) => {
    const at = `${field}.${name}`
    if (!isIdentifier(name)) throw new InvalidInputError(field, name, 'has a name that is no JavaScript identifier')
    const record = { name, of: typeof of === 'string' ? { name: find(of, at, modules).name } : { call: toCode(of, at) } }
    names.add(name, at, of, true)
    return record
  })
}

function setSideEffects<Code>(
  input: unknown,
  field: string,
  modules: PlannedModule<Code>[],
  { toCode }: EsmTarget<Code>,
): void {
  if (input === undefined) return
  checkObject(field, input)
  for (const [reference, call] of Object.entries(input)) {
    find(reference, field, modules).sideEffects = toCode(call, `${field}.${reference}`)
  }
}

/** The module that a user means: by its alias, its specifier, or its name. */
function find<Code>(reference: string, field: string, modules: PlannedModule<Code>[]): PlannedModule<Code> {
  const bare = tryNormalize(reference)
  const exact = modules.find(({ name, specifier }) => name === reference || specifier === bare)
  if (exact) return exact
  const found = modules.filter(({ specifier }) => specifier.replace(/#.*$/, '') === reference)
  if (found.length === 1 && found[0]) return found[0]
  const which = modules.map(({ specifier }) => `\`${specifier}\``).join(', ')
  const problem = found.length > 1 ? 'means more than one module' : 'is none of the modules'
  throw new InvalidInputError(field, reference, problem, `modules are ${which || 'none'}`)
}

function tryNormalize(reference: string): string | null {
  try {
    return parseNpmSpecifier(reference, '').text
  } catch {
    return null
  }
}

function listOf(input: unknown, field: string): unknown[] {
  if (input === undefined) return []
  if (Array.isArray(input)) return input
  throw new InvalidInputError(field, input, 'is not an array')
}
