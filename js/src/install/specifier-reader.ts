/** A cursor over the characters of a specifier. */

import { InvalidInputError } from '../common/errors.js'

export class Reader {
  readonly #text: string
  /** Never returns: it throws the error that points at a place. */
  readonly refuse: (at: number, problem: string) => never
  /** How much has been read. */
  at = 0

  private constructor(text: string, refuse: (at: number, problem: string) => never) {
    this.#text = text
    this.refuse = refuse
  }

  /** For the text in a field of the input; its errors show the character where it goes wrong. */
  static of(text: string, field: string, hint: string): Reader {
    return new Reader(text, (at, problem) => {
      const before = [...text.slice(0, at)].length
      const place = `  ${text}\n  ${' '.repeat(before)}^`
      throw new InvalidInputError(field, text, `is not a specifier: character ${before + 1}: ${problem}\n${place}`, hint)
    })
  }

  get rest(): string {
    return this.#text.slice(this.at)
  }

  get isAtEnd(): boolean {
    return this.at === this.#text.length
  }

  since(start: number): string {
    return this.#text.slice(start, this.at)
  }

  /** Steps over `text` if it is next. */
  eat(text: string): boolean {
    const isNext = this.#text.startsWith(text, this.at)
    if (isNext) this.at += text.length
    return isNext
  }

  skipSpace(): boolean {
    return this.tryTake(/[ \t]+/y) !== null
  }

  /** @param pattern a sticky one, as below. */
  isAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    return pattern.test(this.#text)
  }

  tryTake(pattern: RegExp): string | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) return null
    this.at += found.length
    return found
  }

  take(pattern: RegExp, expected: string): string {
    return this.tryTake(pattern) ?? this.unexpected(expected)
  }

  unexpected(expected: string): never {
    return this.refuse(this.at, `${expected} is expected`)
  }
}
