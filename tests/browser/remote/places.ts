/** What set-up found. */

import { fileURLToPath } from 'node:url'

/** Where the bridge's sources are. */
export const PYTHON_PATH = fileURLToPath(new URL('../../../python/millhand_ray/src', import.meta.url))

export const PAGES = fileURLToPath(new URL('../pages', import.meta.url))

/** A Python that has Ray. */
export const python = (): string => needed('MILLHAND_RAY_PYTHON')

export const millhand = (): string => needed('MILLHAND_BIN')

function needed(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run the tests with \`cargo xtask test ray\``)
  return value
}
