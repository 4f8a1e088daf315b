/** From a checked input to what each worker installs, in Node: npm packages of the project, and Python in its `pyodide`. */

import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import type { PoolPlan } from '../api/inputs.js'
import type { Platform } from '../api/platform.js'
import type { EsmPlan } from '../install/esm.js'
import { chosenNames } from '../install/esm.js'
import { parseNpmSpecifier } from '../install/specifier.js'
import type { InstallEvent, ModulesSetup, ScriptRecord, WorkerSetup } from '../wire/protocol.js'
import { fileInPackage, findPackage, moduleUrl } from './packages.js'
import { preparePython } from './python.js'
import { settings } from './settings.js'

/** The same for all workers. */
export const setupsOf: Platform['setupsOf'] = (plan, report, signal) => {
  // Not within the call: nobody could hear of the first event.
  const setup = Promise.resolve().then(() => prepareSetup(plan, report, signal))
  setup.catch(() => undefined) // Each worker hears of it.
  return { next: () => setup, hear: () => undefined }
}

async function prepareSetup(plan: PoolPlan, report: (event: InstallEvent) => void, signal: AbortSignal): Promise<WorkerSetup> {
  const { esm, python, globals, postInstallTasks } = plan
  const { projects } = settings
  const [modules, pythonSetup] = await Promise.all([
    esm && prepareModules(esm, projects),
    python && preparePython(python, { projects, settings, report, signal }),
  ])
  return { modules, python: pythonSetup, globals, postInstallTasks }
}

async function prepareModules(plan: EsmPlan<string>, projects: string[]): Promise<ModulesSetup<string>> {
  const modules = plan.modules.map(async ({ specifier, name, sideEffects }) => {
    const parsed = parseNpmSpecifier(specifier, 'specifier')
    const found = await findPackage(parsed, projects)
    const id = `${found.name}@${found.version}${parsed.subpath === null ? '' : `/${parsed.subpath}`}`
    // Whether it has nothing but a default export is seen when it is there.
    const unwrap = plan.autoUnwrapDefault ? null : false
    return { id, url: moduleUrl(parsed, found), name, unwrap, sideEffects }
  })
  const dependencies = plan.usingDependencies.map((specifier) => findPackage(parseNpmSpecifier(specifier, 'specifier'), projects))
  const [records, scripts] = await Promise.all([
    Promise.all(modules),
    Promise.all(plan.scripts.map((specifier) => prepareScript(specifier, projects))),
    Promise.all(dependencies),
  ])
  return { modules: records, scripts, aliases: plan.aliases, chosen: chosenNames(plan) }
}

async function prepareScript(specifier: string, projects: string[]): Promise<ScriptRecord> {
  const parsed = parseNpmSpecifier(specifier, 'specifier')
  const path = await fileInPackage(parsed, await findPackage(parsed, projects))
  const content = new Blob([await readFile(path)], { type: 'text/javascript' })
  return { id: specifier, url: pathToFileURL(path).href, sha256: null, content }
}
