/** Text that comes in pieces, as the lines that it has. */
export class Lines {
  #rest = ''

  /** The lines that end in `text`. */
  take(text: string): string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }

  /** What has no end of its line, once; empty if there is none. */
  takeRest(): string {
    const rest = this.#rest
    this.#rest = ''
    return rest
  }
}
