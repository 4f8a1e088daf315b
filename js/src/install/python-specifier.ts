/** Python specifiers: a name, its extras, and the versions that will do (PEP 508). The server reads the same. */

import { InvalidInputError } from '../common/errors.js'
import { packageName } from '../wire/names.js'
import { Reader } from './specifier-reader.js'

export interface PythonSpecifier {
  /** The one way to write it. */
  text: string
  /** In its normal form. */
  name: string
  extras: string[]
  /** All of them have to hold. */
  versions: { operator: string; version: string }[]
}

/** @throws InvalidInputError that shows the character where it goes wrong. */
export function parsePythonSpecifier(input: unknown, field: string): PythonSpecifier {
  if (typeof input !== 'string') throw new InvalidInputError(field, input, 'is not a specifier', HINT)
  const reader = Reader.of(input, field, HINT)
  if (input.length > MAX_CHARS) reader.refuse(MAX_CHARS, 'it is too long')
  reader.skipSpace()
  const name = readName(reader)
  reader.skipSpace()
  const extras = reader.eat('[') ? readExtras(reader) : []
  reader.skipSpace()
  const versions = reader.isAtEnd ? [] : readVersions(reader)
  const suffix = extras.length > 0 ? `[${extras.join(',')}]` : ''
  const text = name + suffix + versions.map(({ operator, version }) => operator + version).join(',')
  return { text, name, extras, versions }
}

const HINT = 'a specifier is a name, and the versions that will do after it: `numpy`, `snowballstemmer==2.1.0`, `rich>=13,<15`'
const MAX_CHARS = 200

/** Letters, digits and inner separators. */
function readName(reader: Reader): string {
  const name = reader.take(/[A-Za-z0-9][A-Za-z0-9._-]*/y, 'a letter or a digit')
  if (/[._-]$/.test(name)) reader.refuse(reader.at - 1, 'a letter or a digit at the end of the name is expected')
  return packageName(name)
}

/** What follows `[` in `[one, two]`, sorted and without repeats. */
function readExtras(reader: Reader): string[] {
  const extras = new Set<string>()
  for (;;) {
    reader.skipSpace()
    extras.add(readName(reader))
    reader.skipSpace()
    if (reader.eat(']')) return [...extras].sort()
    if (!reader.eat(',')) reader.unexpected('`,` or `]`')
  }
}

/** Clauses with commas between, up to the end. */
function readVersions(reader: Reader): PythonSpecifier['versions'] {
  const clauses: PythonSpecifier['versions'] = []
  for (;;) {
    reader.skipSpace()
    clauses.push(readClause(reader, clauses.length === 0))
    reader.skipSpace()
    if (reader.isAtEnd) return clauses
    if (!reader.eat(',')) reader.unexpected('`,` or the end')
  }
}

function readClause(reader: Reader, isFirst: boolean): PythonSpecifier['versions'][number] {
  const start = reader.at
  const operators = '`==`, `>=`, `<=`, `~=`, `!=`, `>` or `<`'
  const operator = reader.take(/==|>=|<=|~=|!=|>|</y, isFirst ? `a version such as \`==2.1\`, a range (${operators}), or the end` : operators)
  reader.skipSpace()
  const written = reader.take(/\d[A-Za-z0-9._+!-]*\*?/y, 'a version that begins with a digit')
  const version = normalVersion(operator, written)
  return version === null ? reader.refuse(start, `\`${reader.since(start)}\` is no range of versions`) : { operator, version }
}

/** As PEP 440 has it. */
const VERSION =
  /^(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)(?:[._-]?(?<pre>a|b|c|rc|alpha|beta|pre|preview)[._-]?(?<preNumber>\d*))?(?:-(?<implied>\d+)|[._-]?(?<post>post|rev|r)[._-]?(?<postNumber>\d*))?(?:[._-]?(?<dev>dev)[._-]?(?<devNumber>\d*))?(?:\+(?<local>[a-z0-9]+(?:[._-][a-z0-9]+)*))?(?<any>\.\*)?$/i

/** A version in the one way to write it; `null` where its operator cannot take it. */
function normalVersion(operator: string, written: string): string | null {
  const parts = VERSION.exec(written)?.groups
  const isEquality = operator === '==' || operator === '!='
  // A version that PEP 440 cannot read matches itself.
  if (!parts) return operator === '==' && !written.includes('*') ? written : null
  const { epoch, release = '', pre, preNumber, implied, post, postNumber, dev, devNumber, local, any } = parts
  if (any && (!isEquality || dev || local)) return null
  if (local && !isEquality) return null
  if (operator === '~=' && !release.includes('.')) return null
  return [
    plain(epoch) === '0' ? '' : `${plain(epoch)}!`,
    release.split('.').map(plain).join('.'),
    pre ? (PRE[pre.toLowerCase()] ?? pre.toLowerCase()) + plain(preNumber) : '',
    implied ? `.post${plain(implied)}` : post ? `.post${plain(postNumber)}` : '',
    dev ? `.dev${plain(devNumber)}` : '',
    local ? `+${local.toLowerCase().replace(/[_-]/g, '.')}` : '',
    any ?? '',
  ].join('')
}

/** As text: versions may have more digits than numbers keep. */
const plain = (digits: string | undefined): string => digits?.replace(/^0+(?=\d)/, '') || '0'

const PRE: Record<string, string> = { alpha: 'a', beta: 'b', c: 'rc', pre: 'rc', preview: 'rc' }
