/** Programs that the tests need: found, started, and all ended with what they started themselves. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** How long a program may take to end when it is asked to. */
const STOP_MS = 5_000

/** A program's path: what the environment variable says, else the first of `names` on the PATH; `null` if there is none. */
export function findProgram(variable, names) {
  const given = process.env[variable]
  if (given) return given
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return candidates.find(isExecutable) ?? null
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Those that have not been stopped. */
const running = new Set()

/** Ends every program, the last one first. */
export async function stopAll() {
  for (const program of [...running].reverse()) await program.stop()
}

/** A running program. */
export class Program {
  #path
  #child
  #scratch
  #exited
  #lastLine = ''

  /**
   * @param options.stdio as `spawn` has it; what is a pipe has to be read by {@link Program.match}.
   * @param options.scratch a folder of the program's, removed after it.
   */
  constructor(path, args, { stdio, env = process.env, scratch = null }) {
    this.#path = path
    this.#scratch = scratch
    running.add(this)
    // A group of its own, so that what it starts can be ended with it.
    this.#child = spawn(path, args, { stdio, env, detached: true })
    this.#exited = once(this.#child, 'exit')
    this.#exited.catch(() => undefined)
  }

  /** Resolves with the first group of `pattern`, of the first line of the pipe `descriptor` that matches. */
  match(descriptor, pattern) {
    const lines = createInterface({ input: this.#child.stdio[descriptor] })
    return this.whileAlive(
      new Promise((resolve) => {
        lines.on('line', (line) => {
          this.#lastLine = line
          const group = pattern.exec(line)?.[1]
          if (group !== undefined) resolve(group)
        })
      }),
    )
  }

  /** `promise`, or an error if the program ends before. */
  whileAlive(promise) {
    const ended = this.#exited.then(([code, signal]) => {
      throw new Error(`\`${this.#path}\` ended (${signal ?? code}) before it was ready. ${this.#lastLine}`.trim())
    })
    return Promise.race([promise, ended])
  }

  /** Ends it, and its group. */
  async stop() {
    running.delete(this)
    this.#signalGroup('SIGTERM')
    const impatient = setTimeout(() => this.#signalGroup('SIGKILL'), STOP_MS)
    await this.#exited.catch(() => undefined)
    clearTimeout(impatient)
    this.#signalGroup('SIGKILL')
    if (this.#scratch) await rm(this.#scratch, { recursive: true, force: true, maxRetries: 5 })
  }

  #signalGroup(signal) {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
}

/** `promise`, or an error if it has not settled within `ms`. */
export async function within(ms, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
