/** Requests of the page, with the retries and the errors that a user can act on. */

import { InstallError } from '../common/errors.js'

/** What answered is no millhand server, and has not what it was asked for. */
export class ForeignAnswer extends InstallError {}

const MAX_TRIES = 3
const FIRST_PAUSE_MS = 250
/** What a millhand server refuses. It has tried what can be tried: there is no point in asking again. */
class Refusal extends InstallError {}

/** A server that answers so may answer otherwise the next time. */
const PASSING = new Set([429, 500, 502, 503, 504])

/** What servers say that do not know a route, or a method. */
const ABSENT = new Set([404, 405, 410, 501])
const HINT = 'is the page served by `millhand serve`?'

/**
 * What `read` makes of a response with a status of success. Network failures, in the body too, and passing troubles of a server
 * are tried again.
 */
export async function fetchAnd<T>(url: string, init: RequestInit, read: (response: Response) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt === MAX_TRIES
    try {
      const response = await fetch(url, init)
      if (response.ok) return await read(response)
      const error = await failureOf(url, response)
      if (error instanceof Refusal || !PASSING.has(response.status) || last) throw error
    } catch (cause) {
      if (cause instanceof InstallError || init.signal?.aborted) throw cause
      if (last) throw new InstallError(`\`${url}\` could not be fetched: ${String(cause)}`, { cause })
    }
    const pause_ms = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
    await new Promise((resolve) => setTimeout(resolve, pause_ms))
  }
}

export async function fetchJson(url: string, init: RequestInit = {}): Promise<unknown> {
  const text = await fetchAnd(url, init, (response) => response.text())
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ForeignAnswer(`the answer of \`${url}\` is not JSON`, { hint: HINT, cause })
  }
}

/** What a millhand server says of a refusal, else the status. */
async function failureOf(url: string, response: Response): Promise<InstallError> {
  const body: unknown = await response.json().catch(() => null)
  const error = (body as { error?: { code?: unknown; message?: unknown; hint?: unknown } } | null)?.error
  if (typeof error?.message === 'string') {
    const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
    return new Refusal(error.message, { detail: text(error.code), hint: text(error.hint) })
  }
  const what = `\`${url}\` answered ${response.status} ${response.statusText}`.trim()
  return new (ABSENT.has(response.status) ? ForeignAnswer : InstallError)(what, { hint: HINT })
}
