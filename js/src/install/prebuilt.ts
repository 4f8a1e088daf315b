/**
 * Prebuilt manifests: environments that were written down when the page was exported. A request that is one of them is met as it
 * is, one that is made of parts of them is composed.
 */

import { InstallError } from '../common/errors.js'
import type { EsmManifest, FileEntry, Manifest } from './manifest.js'
import { entryOf, parseManifest } from './manifest.js'
import type { EsmRequest, ManifestRequest, Part } from './request.js'
import { keyOf, normalize, PARTS } from './request.js'

/** An environment that was written down: its normal request, and what that came to. */
interface Environment {
  request: ManifestRequest
  manifest: unknown
}

/**
 * Each part of a normal request, from whichever environments have it.
 * @throws InstallError that names what none of them has.
 */
export function findPrebuilt(document: unknown, request: ManifestRequest, url: string): Manifest {
  const prebuilt = new Prebuilt(document, url)
  return Object.assign({}, ...PARTS.filter((part) => request[part] !== undefined).map((part) => prebuilt.part(part, request)))
}

class Prebuilt {
  readonly #environments: Environment[]
  readonly #url: string

  constructor(document: unknown, url: string) {
    const { environments } = (document ?? {}) as { environments?: unknown }
    if (!Array.isArray(environments)) throw new InstallError(`\`${url}\` lists no environments`, { hint: HINT })
    this.#url = url
    this.#environments = environments.map((entry: unknown) => {
      const { request, manifest } = (entry ?? {}) as { request?: ManifestRequest; manifest?: unknown }
      if (typeof request === 'object' && request !== null) return { request: normalize(request), manifest }
      throw new InstallError(`\`${url}\` lists an environment without its request`, { hint: HINT })
    })
  }

  part(part: Part, request: ManifestRequest): Manifest {
    const key = keyOf(part, request)
    const exact = this.#environments.find((environment) => keyOf(part, environment.request) === key)
    if (exact) return this.#read(part, exact)
    if (part === 'esm' && request.esm) return { esm: this.#composeEsm(request.esm) }
    if (part === 'css' && request.css) return { css: request.css.map((specifier) => this.#styleSheet(specifier)) }
    // One lock is for all of its packages.
    throw this.#missing(JSON.stringify(request[part]))
  }

  #composeEsm({ modules = [], scripts = [], usingDependencies }: EsmRequest): EsmManifest {
    const dependencies = JSON.stringify(usingDependencies)
    // A module is built against the versions that its dependencies have.
    const alike = this.#environments.filter(({ request }) => JSON.stringify(request.esm?.usingDependencies) === dependencies)
    const find = (specifier: string, list: 'modules' | 'scripts'): EsmManifest => {
      const found = smallest(alike, ({ request }) => request.esm?.[list]?.includes(specifier), sizeOfEsm)
      const manifest = found && this.#read('esm', found).esm
      if (manifest) return manifest
      throw this.#missing(`\`${specifier}\`${dependencies === undefined ? '' : ` and \`usingDependencies\` ${dependencies}`}`)
    }
    const ofModules = modules.map((specifier) => [specifier, find(specifier, 'modules')] as const)
    return {
      modules: ofModules.map(([specifier, { modules }]) => entryOf(modules, specifier)),
      scripts: scripts.map((specifier) => entryOf(find(specifier, 'scripts').scripts, specifier)),
      files: onceEach(ofModules.flatMap(([, { files }]) => files)),
      graph: united(ofModules.map(([, { graph }]) => graph)),
    }
  }

  #styleSheet(specifier: string): NonNullable<Manifest['css']>[number] {
    const found = smallest(
      this.#environments,
      ({ request }) => request.css?.includes(specifier),
      ({ request }) => request.css?.length ?? 0,
    )
    if (!found) throw this.#missing(`\`${specifier}\``)
    return entryOf(this.#read('css', found).css ?? [], specifier)
  }

  #read(part: Part, { request, manifest }: Environment): Manifest {
    return parseManifest(manifest, { [part]: request[part] }, this.#url)
  }

  #missing(what: string): InstallError {
    return new InstallError(`the prebuilt manifest \`${this.#url}\` has no environment with ${what}`, { hint: HINT })
  }
}

const HINT = 'export the page anew: `millhand export`'

/** The first of the smallest ones: it has the least that was not asked for. */
function smallest(
  environments: Environment[],
  isMeant: (environment: Environment) => boolean | undefined,
  sizeOf: (environment: Environment) => number,
): Environment | undefined {
  return environments.filter(isMeant).sort((a, b) => sizeOf(a) - sizeOf(b))[0]
}

function sizeOfEsm({ request: { esm } }: Environment): number {
  return (esm?.modules?.length ?? 0) + (esm?.scripts?.length ?? 0)
}

const onceEach = (files: FileEntry[]): FileEntry[] => [...new Map(files.map((file) => [file.url, file])).values()]

function united(graphs: EsmManifest['graph'][]): EsmManifest['graph'] {
  const all: EsmManifest['graph'] = {}
  for (const [id, needs] of graphs.flatMap(Object.entries<string[]>)) all[id] = [...new Set([...(all[id] ?? []), ...needs])]
  return all
}
