/** What the tests share. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { firstValueFrom, filter, toArray } from 'rxjs'
import { WorkersPool } from 'millhand'

/** A pool of one worker that is ended with its test. */
export function onePool(t, input = {}) {
  return poolOf(t, { ...input, pool: { startAt: 1, stretchTo: 1, ...input.pool } })
}

/** A pool that is ended with its test. */
export function poolOf(t, input) {
  const pool = new WorkersPool(input)
  t.after(() => pool.terminate())
  return pool
}

/** What a promise rejects with. */
export async function rejection(promise) {
  const value = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  if ('error' in value) return value.error
  throw new Error(`it did not reject: ${String(value.value)}`)
}

export const until = (value$, isMeant) => firstValueFrom(value$.pipe(filter(isMeant)))
export const collect = (message$) => firstValueFrom(message$.pipe(toArray()))

const PATIENCE_MS = 120_000

/** Runs a program to its end; `signalAfter` is a signal for it, and what it is to have said before. */
export async function runProgram(args, { cwd, signalAfter, env = {} } = {}) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that does not end by itself is to fail its test rather than to hold it up.
    timeout: PATIENCE_MS,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
    if (signalAfter && stdout.includes(signalAfter.said)) child.kill(signalAfter.signal)
  })
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const [code, signal] = await once(child, 'close')
  return { code, signal, stdout, stderr }
}
