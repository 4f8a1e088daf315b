/**
 * ES modules and classic scripts, where they are to run: in a page or in a worker. Nothing is resolved here: urls come from the
 * manifest. Nothing is set either, until all is there.
 */

import type { InstallEvent, ModuleRecord, ModulesSetup, ScriptRecord } from '../wire/protocol.js'
import { ModuleError } from './failures.js'

/** A user's function of one value: a module's side effects, or what an alias stands for. */
export type UserFunction = (value: unknown) => unknown

export interface LoadOptions {
  report: (event: InstallEvent) => void
  /** Runs a classic script in the global scope; how depends on where this is. */
  runScript: (script: ScriptRecord) => Promise<void>
  signal?: AbortSignal | undefined
}

/**
 * Imports the modules, one after the other and each with its side effects, then runs the scripts; gives what they are called.
 * @throws ModuleError
 */
export async function loadModules(
  { modules, scripts, aliases }: ModulesSetup<UserFunction>,
  { report, runScript, signal }: LoadOptions,
): Promise<Record<string, unknown>> {
  const values = new Map<string, unknown>()
  for (const record of modules) {
    signal?.throwIfAborted()
    values.set(record.name, await loadModule(record))
    report({ step: 'ModuleImported', name: record.id })
  }
  for (const script of scripts) {
    signal?.throwIfAborted()
    await attempt(`the script \`${script.id}\` does not run`, 'running', () => runScript(script))
    report({ step: 'ScriptRun', name: script.id })
  }
  for (const { name, of } of aliases) {
    const installed = Object.fromEntries(values)
    const value = 'name' in of ? values.get(of.name) : await attempt(`the alias \`${name}\` threw`, 'calling', () => of.call(installed))
    values.set(name, value)
  }
  return Object.fromEntries(values)
}

/** Puts values on the global scope; gives their names. What is there already stays, unless its name was chosen by the user. */
export function setNames(values: Record<string, unknown>, chosen: ReadonlySet<string>): string[] {
  const free = Object.entries(values).filter(([name]) => chosen.has(name) || !(name in globalThis))
  for (const [name, value] of free) {
    const there = Object.getOwnPropertyDescriptor(globalThis, name)
    if (there && !there.configurable) Reflect.set(globalThis, name, value)
    else Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: true })
  }
  return free.map(([name]) => name)
}

async function loadModule({ id, url, unwrap, sideEffects }: ModuleRecord<UserFunction>): Promise<unknown> {
  const exports = await importModule(id, url)
  const value = (unwrap ?? hasOnlyDefault(exports)) ? exports['default'] : exports
  if (sideEffects) await attempt(`the side effects of \`${id}\` threw`, 'calling', () => sideEffects(value))
  return value
}

async function importModule(id: string, url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as Record<string, unknown>
  } catch (cause) {
    const at = NOT_LOADED.test(textOf(cause)) ? 'loading' : 'running'
    throw new ModuleError(`\`${id}\` cannot be imported: ${textOf(cause)}`, at, cause)
  }
}

/** What Chromium, Firefox and WebKit say of a module that could not be loaded, as against one that threw. */
const NOT_LOADED = /dynamically imported module|Importing a module script failed/i

function hasOnlyDefault(exports: Record<string, unknown>): boolean {
  const names = Object.keys(exports).filter((name) => name !== '__esModule' && name !== 'module.exports')
  return names.length === 1 && names[0] === 'default'
}

/** Does what may throw, and says what it was. */
export async function attempt(what: string, at: ModuleError['at'], act: () => unknown): Promise<unknown> {
  try {
    return await act()
  } catch (cause) {
    throw new ModuleError(`${what}: ${textOf(cause)}`, at, cause)
  }
}

const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
