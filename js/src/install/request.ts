/** What a manifest is asked for: a request in its normal form, so that equal environments have equal requests. */

import { DEFAULT_PYODIDE } from './python.js'
import { parsePythonSpecifier } from './python-specifier.js'
import { parseNpmSpecifier } from './specifier.js'

/** Aliases and defaults removed, specifiers written in one way, lists sorted and without duplicates, empty parts absent. */
export interface ManifestRequest {
  esm?: EsmRequest
  css?: string[]
  pyodide?: PyodideRequest
}

export interface EsmRequest {
  modules?: string[]
  scripts?: string[]
  usingDependencies?: string[]
}

export interface PyodideRequest {
  version?: string
  modules?: string[]
}

/** The parts of a request, each of which is resolved by itself. */
export const PARTS = ['esm', 'css', 'pyodide'] as const
export type Part = (typeof PARTS)[number]

/** The normal form of a request that may come from anywhere. */
export function normalize({ esm, css, pyodide }: ManifestRequest): ManifestRequest {
  const parts = esm && withoutEmpty({
    modules: sorted(esm.modules?.map(withoutAlias)),
    scripts: sorted(esm.scripts?.map(withoutAlias)),
    usingDependencies: sorted(esm.usingDependencies?.map(withoutAlias)),
  })
  const sheets = sorted(css?.map(withoutAlias))
  return {
    ...(parts?.modules || parts?.scripts ? { esm: parts } : {}),
    ...(sheets ? { css: sheets } : {}),
    ...(pyodide ? { pyodide: normalizePython(pyodide) } : {}),
  }
}

function normalizePython({ version, modules }: PyodideRequest): PyodideRequest {
  const texts = modules?.map((specifier) => parsePythonSpecifier(specifier, 'specifier').text)
  return withoutEmpty({ version: version === DEFAULT_PYODIDE ? undefined : version, modules: sorted(texts) })
}

/** One text for one part of a normal request. */
export function keyOf(part: Part, request: ManifestRequest): string {
  return `${part} ${JSON.stringify(request[part])}`
}

/** A specifier as requests have it. */
export const withoutAlias = (specifier: string): string => parseNpmSpecifier(specifier, 'specifier').text

function sorted(list: string[] | undefined): string[] | undefined {
  return list?.length ? [...new Set(list)].sort() : undefined
}

/** In the order in which they are written: it counts for {@link keyOf}. */
function withoutEmpty<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: NonNullable<Fields[Name]>
  }
}
