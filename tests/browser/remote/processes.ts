/** Processes that these tests start, and those below them: found and ended by their ids. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync } from 'node:fs'

/** Starts one, whose output goes to a file; `stdout` of it can be read instead. */
export function start(command: string[], env: NodeJS.ProcessEnv, log: string, stdout: 'log' | 'pipe' = 'log'): ChildProcess {
  const [program = '', ...args] = command
  const output = openSync(log, 'a')
  return spawn(program, args, { env, stdio: ['ignore', stdout === 'pipe' ? 'pipe' : output, output], detached: true })
}

/** Kills a process and all below it at once: what a machine that loses its power is like. */
export async function killTree(process: ChildProcess): Promise<void> {
  const pids = [process.pid ?? 0, ...descendants(process.pid ?? 0)]
  const exited = process.exitCode === null && process.signalCode === null ? once(process, 'exit') : Promise.resolve()
  pids.forEach(kill)
  await exited
}

/** Children, grandchildren and so on. */
export function descendants(pid: number): number[] {
  const children = tasksOf(pid).flatMap((task) => read(`/proc/${pid}/task/${task}/children`).trim().split(' '))
  return children.filter((child) => child !== '').flatMap((child) => [Number(child), ...descendants(Number(child))])
}

/** Those below `pid` whose command has a word. */
export function descendantsRunning(pid: number, word: string): number[] {
  return descendants(pid).filter((child) => read(`/proc/${child}/cmdline`).includes(word))
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Nothing of a process that has ended in the meantime. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
