/** Why remote workers cannot be had, as errors of millhand. */

import { MillhandError } from '../common/errors.js'
import type { Failure } from './frames.js'

/** Why an engine is lost, and whether another try would fail in the same way. */
export interface Loss {
  error: MillhandError
  permanent: boolean
}

export function unreachable(url: string, what: string): Loss {
  const hint =
    'start one with `millhand serve DIR --engine ray://auto`, or mend `pool.remote.url`; a server refuses pages of other origins ' +
    'in the same way, unless it was told of them (`--engine-origin`)'
  return { error: new MillhandError('gateway-unreachable', `the gateway \`${url}\` ${what}`, { hint }), permanent: false }
}

export function tokenRefused(url: string): Loss {
  const hint = 'give as `pool.remote.token` what the server was given with `--engine-token`, or keeps in the file that it names when it starts'
  const error = new MillhandError('token-refused', `the gateway \`${url}\` does not take \`pool.remote.token\``, { hint })
  return { error, permanent: true }
}

export function disconnected(url: string, { message, hint }: Failure): Loss {
  return { error: new MillhandError('gateway-unreachable', `the gateway \`${url}\` ended the session: ${message}`, { hint }), permanent: false }
}

export function engineDown(url: string, failure: Failure | undefined): Loss {
  const { code, message, hint } = failure ?? { code: 'engine-down', message: 'it gives no reason', hint: undefined }
  const error = new MillhandError('engine-down', `the engine behind \`${url}\` is not there: ${message}`, { hint })
  // Versions do not come to match by themselves.
  return { error, permanent: code === 'engine-mismatch' }
}

export function runtimeMissing(url: string, missing: string, runtimes: string[]): Loss {
  const hint =
    missing === 'javascript'
      ? 'install Node 20 or newer where the engine runs, or keep functions of JavaScript with local workers: `pool.remote.javascript: false`'
      : 'give the server a Python that has Ray'
  const has = runtimes.join(', ') || 'nothing'
  const error = new MillhandError('engine-down', `the engine behind \`${url}\` does not run ${missing}: it runs ${has}`, { hint })
  return { error, permanent: true }
}
