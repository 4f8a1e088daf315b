/** Stylesheets: what a user asks for, checked. */

import type { CssInput } from '../api/inputs.js'
import { checkOptions } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'
import { refuseAlias, refuseSubpath } from './esm.js'
import { parseNpmSpecifier } from './specifier.js'

/** A checked stylesheet: of a package, or at a url. */
export interface PlannedStyleSheet {
  from: { specifier: string } | { url: string }
  sideEffects: ((link: HTMLLinkElement) => unknown) | null
}

export function parseCssInput(input: unknown, field: string): PlannedStyleSheet[] {
  if (input === undefined) return []
  if (!Array.isArray(input)) throw new InvalidInputError(field, input, 'is not an array')
  return input.map((entry: unknown, index) => parseEntry(entry, `${field}[${index}]`))
}

function parseEntry(entry: unknown, field: string): PlannedStyleSheet {
  if (typeof entry === 'string') return { from: parseModule(entry, field), sideEffects: null }
  checkOptions(field, entry, ['module', 'url', 'sideEffects'])
  const { module, url, sideEffects = null } = entry as Partial<Exclude<CssInput, string>>
  if ((module === undefined) === (url === undefined)) {
    throw new InvalidInputError(field, entry, 'has not one of `module` and `url`', 'give a specifier or a url')
  }
  if (sideEffects !== null && typeof sideEffects !== 'function') {
    throw new InvalidInputError(`${field}.sideEffects`, sideEffects, 'is not a function')
  }
  return { from: url === undefined ? parseModule(module, `${field}.module`) : parseUrl(url, `${field}.url`), sideEffects }
}

function parseModule(entry: unknown, field: string): { specifier: string } {
  const specifier = parseNpmSpecifier(entry, field)
  refuseAlias(specifier, entry, field, 'a stylesheet has no name')
  refuseSubpath(specifier, entry, field)
  return { specifier: specifier.text }
}

function parseUrl(url: unknown, field: string): { url: string } {
  const text = url instanceof URL ? url.href : url
  if (typeof text === 'string' && URL.canParse(text, document.baseURI)) return { url: new URL(text, document.baseURI).href }
  throw new InvalidInputError(field, url, 'is not a url')
}
