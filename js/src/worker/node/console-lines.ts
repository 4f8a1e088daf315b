/** A standard output whose lines go to somebody who may refuse them. */

import process from 'node:process'
import { StringDecoder } from 'node:string_decoder'
import { Lines } from '../lines.js'

export class ConsoleLines {
  readonly #stream: NodeJS.WriteStream
  readonly #writeOn: (text: string) => boolean
  readonly #decoder = new StringDecoder('utf8')
  #take: (line: string) => boolean = () => false
  readonly #lines = new Lines()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#writeOn = stream.write.bind(stream)
  }

  /** From now on `take` has each line; those that it refuses go where they went before. */
  handTo(take: (line: string) => boolean): void {
    this.#take = take
    this.#stream.write = (chunk: Uint8Array | string, ...more: unknown[]) => {
      this.#write(chunk)
      const done = more.find((argument) => typeof argument === 'function')
      if (done) process.nextTick(done)
      return true
    }
  }

  /** Passes on what has no end of its line. */
  endLine(): void {
    const rest = this.#lines.takeRest()
    if (rest !== '') this.#passOn(rest)
  }

  #write(chunk: Uint8Array | string): void {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk)
    this.#lines.take(text).forEach((line) => this.#passOn(line))
  }

  #passOn(line: string): void {
    if (!this.#take(line)) this.#writeOn(`${line}\n`)
  }
}
