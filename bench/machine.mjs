/** What the figures were taken on and with. */

import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'

export function machine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
  }
}

/** The versions of what `package.json` pins, by name, and millhand's. */
export async function packageVersions() {
  const own = await json(new URL('package.json', import.meta.url))
  const millhand = await json(new URL('../js/package.json', import.meta.url))
  const pinned = Object.entries(own.devDependencies).filter(([name]) => !['playwright-core', 'autocannon'].includes(name))
  return { millhand: millhand.version, ...Object.fromEntries(pinned) }
}

async function json(url) {
  return JSON.parse(await readFile(url, 'utf8'))
}
