/** Manifests that this page has asked for: a part of a request is asked for once, whoever needs it. */

import type { Manifest } from './manifest.js'
import type { ManifestRequest, Part } from './request.js'
import { keyOf, PARTS } from './request.js'
import { SharedWork } from './shared-work.js'
import type { Sources } from './sources.js'

export class Manifests {
  readonly #sources: Sources
  readonly #answers = new Map<string, SharedWork<Manifest>>()

  constructor(sources: Sources) {
    this.#sources = sources
  }

  /**
   * The manifest of a normal request. What is not known of it is asked for at once.
   * @param ask told before somebody is asked.
   */
  async of(request: ManifestRequest, signal: AbortSignal, ask: () => void): Promise<Manifest> {
    signal.throwIfAborted()
    const parts = PARTS.filter((part) => request[part] !== undefined)
    const unknown = parts.filter((part) => this.#answerOf(part, request) === undefined)
    if (unknown.length > 0) {
      ask()
      this.#ask(unknown, request)
    }
    const answers = await Promise.all(
      parts.map(async (part) => [part, (await this.#answerOf(part, request)?.wait(signal))?.[part]] as const),
    )
    return Object.fromEntries(answers) as Manifest
  }

  #answerOf(part: Part, request: ManifestRequest): SharedWork<Manifest> | undefined {
    const answer = this.#answers.get(keyOf(part, request))
    return answer?.isGivenUp ? undefined : answer
  }

  #ask(parts: Part[], request: ManifestRequest): void {
    const asked = Object.fromEntries(parts.map((part) => [part, request[part]])) as ManifestRequest
    const keys = parts.map((part) => keyOf(part, asked))
    const work = new SharedWork(async (signal) => {
      try {
        return await this.#sources.manifestOf(asked, signal)
      } catch (error) {
        // Whoever asks again may be luckier.
        for (const key of keys) if (this.#answers.get(key) === work) this.#answers.delete(key)
        throw error
      }
    })
    for (const key of keys) this.#answers.set(key, work)
  }

  /** After this, everything is asked for anew. */
  forget(): void {
    this.#answers.clear()
  }
}
