/** What an install would load, for people and tools to look at. */

import type { Manifest } from './manifest.js'

export interface LoadingGraph {
  /** npm packages by id (`rxjs@7.8.2`), each with the ids of the packages that it needs. */
  packages: Record<string, string[]>
  /** What each specifier stands for. */
  modules: LoadedItem[]
  scripts: LoadedItem[]
  css: LoadedItem[]
  /** Python, if it was asked for. */
  pyodide: { version: string; packages: { name: string; version: string; dependencies: string[] }[] } | null
  /** Every file that the install would fetch. */
  files: { name: string; url: string; bytes: number | null }[]
}

export interface LoadedItem {
  specifier: string
  name: string
  version: string
  url: string
}

export function loadingGraphOf({ esm, css = [], pyodide }: Manifest): LoadingGraph {
  const files = [
    ...(esm?.files ?? []),
    ...[...(esm?.scripts ?? []), ...css].map(({ specifier, url, bytes }) => ({ name: specifier, url, bytes })),
    ...(pyodide?.files ?? []),
  ]
  return {
    packages: esm?.graph ?? {},
    modules: (esm?.modules ?? []).map(toItem),
    scripts: (esm?.scripts ?? []).map(toItem),
    css: css.map(toItem),
    pyodide: pyodide ? { version: pyodide.version, packages: pyodide.packages.map((name) => toPackage(name, pyodide.lock)) } : null,
    files: files.map(({ name, url, bytes }) => ({ name, url, bytes })),
  }
}

/** All of them as one; of two Pythons the last, for a page has one. */
export function mergeGraphs(graphs: LoadingGraph[]): LoadingGraph {
  const unique = <T>(items: T[], keyOf: (item: T) => string): T[] => [...new Map(items.map((item) => [keyOf(item), item])).values()]
  const all = <Field extends 'modules' | 'scripts' | 'css'>(field: Field): LoadedItem[] =>
    unique(graphs.flatMap((graph) => graph[field]), ({ specifier, url }) => `${specifier} ${url}`)
  const pythons = graphs.flatMap(({ pyodide }) => pyodide ?? [])
  const version = pythons.at(-1)?.version
  return {
    packages: Object.assign({}, ...graphs.map(({ packages }) => packages)) as LoadingGraph['packages'],
    modules: all('modules'),
    scripts: all('scripts'),
    css: all('css'),
    pyodide: version === undefined ? null : { version, packages: unique(pythons.flatMap(({ packages }) => packages), ({ name }) => name) },
    files: unique(graphs.flatMap(({ files }) => files), ({ url }) => url),
  }
}

const toItem = ({ specifier, name, version, url }: LoadedItem): LoadedItem => ({ specifier, name, version, url })

function toPackage(name: string, lock: unknown): { name: string; version: string; dependencies: string[] } {
  const { packages = {} } = (lock ?? {}) as { packages?: Record<string, { version?: string; depends?: string[] }> }
  const entry = packages[name]
  return { name, version: entry?.version ?? '', dependencies: entry?.depends ?? [] }
}
