/** npm specifiers: `name[/subpath][#range][~file][ as alias]`, with `@` taken for `#`. The server reads the same. */

import { InvalidInputError } from '../common/errors.js'
import { Reader } from './specifier-reader.js'

export interface NpmSpecifier {
  /** The one way to write it, without its alias: what a manifest is asked for. */
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
  const reader = Reader.of(input, field, HINT)
  if (input.length > MAX_CHARS) reader.refuse(MAX_CHARS, 'it is too long')
  reader.skipSpace()
  const name = readName(reader)
  const subpath = reader.eat('/') ? readSubpath(reader) : null
  const range = reader.eat('#') || reader.eat('@') ? readRange(reader) : null
  const file = reader.eat('~') ? readFile(reader) : null
  if (!reader.isAtEnd && !reader.isAt(SPACE)) {
    reader.unexpected(range === null ? '`/`, `#`, `~`, ` as ` or the end' : '`~`, ` as ` or the end')
  }
  const alias = readAlias(reader)
  const parts = [name, subpath && `/${subpath}`, range && `#${range}`, file && `~${file}`]
  const text = parts.join('')
  if (text.length > MAX_CHARS) reader.refuse(reader.at, 'it is too long when it is written in full')
  return { text, name, subpath, range, file, alias }
}

const HINT = 'a specifier is `name[/subpath][#range][~file][ as alias]`: `rxjs#^7.8.1 as rxjs`, `bootstrap#^5.3.3~bootstrap.min.css`'

/** The longest specifier that is read. */
const MAX_CHARS = 500
const MAX_NAME_CHARS = 214
/** So many digits are always a whole number. */
const MAX_DIGITS = 14

const SPACE = /[ \t]/y
/** What cannot name a variable in a module, or would change the object that holds it. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof undefined var void while with yield __proto__'
  ).split(' '),
)

function readName(reader: Reader): string {
  const start = reader.at
  if (reader.eat('@')) {
    reader.take(NAME_PART, 'a scope')
    if (!reader.eat('/')) reader.unexpected('`/` after the scope')
    reader.take(NAME_PART, 'a name')
  } else {
    reader.take(NAME_PART, 'the name of a package')
  }
  const name = reader.since(start)
  return name.length > MAX_NAME_CHARS ? reader.refuse(MAX_NAME_CHARS, 'the name is too long') : name
}

const NAME_PART = /[A-Za-z0-9_][A-Za-z0-9._-]*/y

function readSubpath(reader: Reader): string {
  const start = reader.at
  do reader.take(SUBPATH_PART, 'a part of the subpath')
  while (reader.eat('/'))
  return reader.since(start)
}

/** It leads down, never up. */
const SUBPATH_PART = /(?!\.{1,2}(?![A-Za-z0-9._+$-]))[A-Za-z0-9._+$-]+/y

/** All there is, up to the alias. */
function readFile(reader: Reader): string {
  const start = reader.at
  const length = /^[^]*?(?=[ \t]+as[ \t]|[ \t]*$)/.exec(reader.rest)?.[0].length ?? 0
  const end = start + length
  for (const part of reader.rest.slice(0, length).split('/')) {
    if (part === '' || part === '.' || part === '..') reader.unexpected('the name of a file or folder')
    const wrong = part.search(/[\p{Cc}\\]/u)
    if (wrong >= 0) reader.refuse(reader.at + wrong, 'a character that paths have is expected')
    reader.at += part.length
    reader.eat('/')
  }
  reader.at = end
  return reader.since(start)
}

function readAlias(reader: Reader): string | null {
  reader.skipSpace()
  if (reader.isAtEnd) return null
  const start = reader.at
  if (!reader.eat('as') || !(reader.skipSpace() || reader.isAtEnd)) {
    reader.at = start
    reader.unexpected('`as` or the end')
  }
  const at = reader.at
  const alias = reader.take(/[$_\p{XID_Start}][$\p{XID_Continue}]*/uy, 'the name of a variable')
  reader.skipSpace()
  if (!reader.isAtEnd) reader.unexpected('a character of a variable’s name, or the end')
  return RESERVED.has(alias) ? reader.refuse(at, `\`${alias}\` cannot name a variable`) : alias
}

/** A range, written in one way: blanks where they are needed, and no `v`. */
function readRange(reader: Reader): string {
  const tag = reader.tryTake(TAG)
  if (tag !== null) return tag
  const alternatives: string[] = []
  for (;;) {
    reader.skipSpace()
    alternatives.push(readComparators(reader))
    const end = reader.at
    reader.skipSpace()
    if (reader.eat('||')) continue
    reader.at = end
    return alternatives.join(' || ')
  }
}

/** A word that is no version: `latest`, but neither `x` nor `v1`. */
const TAG = /(?![xX](?:\.|(?![A-Za-z0-9._-]))|v\d)[A-Za-z][A-Za-z0-9._-]*/y

/** `^1.2`, `>=1 <3`, `1.2 - 2`: all of them have to hold. */
function readComparators(reader: Reader): string {
  const first = readComparator(reader)
  if (/^[\dxX*]/.test(first) && reader.tryTake(/[ \t]+-[ \t]+/y) !== null) return `${first} - ${readPartial(reader)}`
  const comparators = [first]
  while (reader.tryTake(/[ \t]+(?=[\d^~<>=*xXv])/y) !== null) comparators.push(readComparator(reader))
  return comparators.join(' ')
}

function readComparator(reader: Reader): string {
  const operator = reader.tryTake(/\^|~>|~|>=|<=|>|<|=/y)
  if (operator !== null) reader.skipSpace()
  return (operator ?? '') + readPartial(reader)
}

/** `1`, `1.2`, `1.x`, `1.2.3`, `1.2.3-beta.1`. */
function readPartial(reader: Reader): string {
  reader.eat('v')
  const numbers = [readNumber(reader)]
  while (numbers.length < 3 && reader.eat('.')) numbers.push(readNumber(reader))
  let text = numbers.join('.')
  const isWhole = numbers.length === 3 && !/[xX*]/.test(text)
  for (const mark of ['-', '+']) if (isWhole && reader.eat(mark)) text += mark + readIdentifiers(reader)
  if (!reader.isAtEnd && !reader.isAt(/[ \t~|]/y)) reader.unexpected('the end of the version')
  return text
}

function readNumber(reader: Reader): string {
  const start = reader.at
  const number = reader.take(/[xX*]|\d+/y, 'a number, `x` or `*`')
  if (number.length > MAX_DIGITS || /^0\d/.test(number)) {
    reader.at = start
    reader.unexpected(`a number of at most ${MAX_DIGITS} digits that does not begin with 0`)
  }
  return number
}

function readIdentifiers(reader: Reader): string {
  const start = reader.at
  do {
    const at = reader.at
    const identifier = reader.take(/[A-Za-z0-9-]+/y, 'letters, digits or hyphens')
    if (/^\d+$/.test(identifier) && identifier.length > MAX_DIGITS) {
      reader.at = at
      reader.unexpected('letters, digits or hyphens')
    }
  } while (reader.eat('.'))
  return reader.since(start)
}
