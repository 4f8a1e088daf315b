/** npm specifiers: `name[/subpath][#range][~file][ as alias]`. The server reads the same. */

import { isIdentifier } from '../common/checks.js'
import { InvalidInputError } from '../common/errors.js'

export interface NpmSpecifier {
  /** Without its alias: what a manifest is asked for. */
  text: string
  /** With its scope, if it has one. */
  name: string
  /** `operators` of `rxjs/operators`. */
  subpath: string | null
  /** An npm range, a version or a tag; any version if `null`. */
  range: string | null
  /** A file in the package, or the end of its path. */
  file: string | null
  alias: string | null
}

/** @throws InvalidInputError that shows the character where it goes wrong. */
export function parseNpmSpecifier(input: unknown, field: string): NpmSpecifier {
  if (typeof input !== 'string') throw new InvalidInputError(field, input, 'is not a specifier', HINT)
  const refuse = (at: number, problem: string): never => {
    const place = `  ${input}\n  ${' '.repeat(at)}^`
    throw new InvalidInputError(field, input, `is not a specifier: ${problem} at character ${at + 1}\n${place}`, HINT)
  }
  const reader = new Reader(input, refuse)
  const [text, alias] = reader.splitAlias()
  const name = reader.name()
  const subpath = reader.after('/') ? reader.path('subpath', /[#~]/) : null
  const range = reader.after('#') ? reader.range() : null
  const file = reader.after('~') ? reader.path('file', /$/) : null
  reader.end()
  return { text, name, subpath, range, file, alias }
}

const HINT = 'a specifier is `name[/subpath][#range][~file][ as alias]`: `rxjs#^7.8.1 as rxjs`, `bootstrap#^5.3.3~bootstrap.min.css`'

const MAX_NAME_CHARS = 214
/** A name's part: no dot first, and nothing that a path or a url could take for something else. */
const NAME_PART = /[A-Za-z0-9_-][A-Za-z0-9._-]*/y
const PATH_SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._@+$!,()'-]+$/

/** One comparator of a range. */
const COMPARATOR =
  /^(?:[<>]=?|=|\^|~>?)?v?(?:[xX*]|\d+)(?:\.(?:[xX*]|\d+)){0,2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?$/
const TAG = /^[A-Za-z][A-Za-z0-9._-]*$/

class Reader {
  readonly #whole: string
  readonly #refuse: (at: number, problem: string) => never
  #text: string
  #at = 0

  constructor(whole: string, refuse: (at: number, problem: string) => never) {
    this.#whole = whole
    this.#text = whole
    this.#refuse = refuse
  }

  splitAlias(): [text: string, alias: string | null] {
    const at = this.#whole.lastIndexOf(' as ')
    if (at < 0) return [this.#whole, null]
    this.#text = this.#whole.slice(0, at)
    const alias = this.#whole.slice(at + 4)
    if (!isIdentifier(alias)) this.#refuse(at + 4, 'the alias is no JavaScript identifier')
    return [this.#text, alias]
  }

  after(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false
    this.#at += 1
    return true
  }

  name(): string {
    if (this.after('@')) {
      this.#part()
      if (!this.after('/')) this.#refuse(this.#at, 'a scope without a name')
    }
    this.#part()
    const name = this.#text.slice(0, this.#at)
    return name.length > MAX_NAME_CHARS ? this.#refuse(MAX_NAME_CHARS, 'the name is too long') : name
  }

  #part(): void {
    NAME_PART.lastIndex = this.#at
    const found = NAME_PART.exec(this.#text)
    if (!found) return this.#refuse(this.#at, 'no name of a package')
    this.#at = NAME_PART.lastIndex
  }

  path(what: string, end: RegExp): string {
    const rest = this.#text.slice(this.#at)
    const length = rest.search(end)
    const path = length < 0 ? rest : rest.slice(0, length)
    let at = this.#at
    for (const segment of path.split('/')) {
      if (!PATH_SEGMENT.test(segment)) this.#refuse(at + badIndex(segment), `no path of a ${what}`)
      at += segment.length + 1
    }
    this.#at += path.length
    return path
  }

  /** Up to the `~` of a file: one at the beginning of a comparator belongs to it. */
  range(): string {
    const start = this.#at
    const rest = this.#text.slice(start)
    const end = [...rest].findIndex((sign, index) => sign === '~' && !/(^|[\s|])$/.test(rest.slice(0, index)))
    const range = end < 0 ? rest : rest.slice(0, end)
    if (!TAG.test(range) && !isRange(range)) this.#refuse(start, 'no npm range')
    this.#at += range.length
    return range
  }

  end(): void {
    if (this.#at < this.#text.length) this.#refuse(this.#at, 'something that does not belong there')
  }
}

function isRange(range: string): boolean {
  return range.split('||').every((part) => {
    const comparators = part.trim().replace(/\s+-\s+/, ' ').replace(/([<>=^~])\s+/g, '$1')
    return comparators.split(/\s+/).every((comparator) => COMPARATOR.test(comparator))
  })
}

/** Where a path's segment goes wrong: at its first odd character, or at its beginning. */
const badIndex = (segment: string): number => Math.max(0, segment.search(/[^A-Za-z0-9._@+$!,()'-]/))
