/** A folder with the files of Python packages, as Pyodide looks for them in Node: by name. Each is verified before it is there. */

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { InstallError } from '../common/errors.js'
import { fetchAnd } from '../install/fetch.js'
import type { FileEntry } from '../install/manifest.js'
import type { InstallEvent } from '../wire/protocol.js'

export interface WheelFolderOptions {
  cache: URL
  /** The runtime's folder: Pyodide by itself keeps packages there. */
  runtime: URL
  report: (event: InstallEvent) => void
  signal: AbortSignal
}

export class WheelFolder {
  readonly #options: WheelFolderOptions

  constructor(options: WheelFolderOptions) {
    this.#options = options
  }

  /**
   * Sees to it that the folder has a file: as it is there already, from beside the runtime, or from its url.
   * @throws InstallError
   */
  async provide({ name, url, sha256 }: FileEntry): Promise<void> {
    const { cache, runtime, report, signal } = this.#options
    const target = new URL(encodeURIComponent(name), cache)
    const there = await readIfThere(target)
    let bytes = there && isMeant(there, sha256) ? there : null
    if (!bytes) {
      const beside = await readIfThere(new URL(encodeURIComponent(name), runtime))
      bytes = beside && isMeant(beside, sha256) ? beside : await this.#fetch(name, url, signal)
      if (!isMeant(bytes, sha256)) {
        throw new InstallError(`\`${name}\` of \`${url}\` has the sha256 ${sha256Of(bytes)}, and should have ${sha256}`)
      }
      await write(target, cache, bytes)
    }
    report({ step: 'FileVerified', name, bytes: bytes.byteLength })
  }

  async #fetch(name: string, url: string, signal: AbortSignal): Promise<Uint8Array> {
    if (!url.startsWith('file:')) return fetchAnd(url, { signal }, async (response) => new Uint8Array(await response.arrayBuffer()))
    const bytes = await readIfThere(new URL(url))
    if (bytes) return bytes
    throw new InstallError(`there is no \`${name}\` at \`${url}\``)
  }
}

/** In hexadecimal. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const isMeant = (bytes: Uint8Array, sha256: string | null): boolean => sha256 === null || sha256Of(bytes) === sha256

async function readIfThere(url: URL): Promise<Uint8Array | null> {
  return readFile(url).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw new InstallError(`\`${url.href}\` cannot be read: ${error.message}`, { cause: error })
  })
}

/** Whole or not at all: another process may be at the same. */
async function write(target: URL, folder: URL, bytes: Uint8Array): Promise<void> {
  const part = new URL(`.${randomUUID()}.part`, folder)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(part, bytes)
    await rename(part, target)
  } catch (cause) {
    await rm(part, { force: true })
    throw new InstallError(`\`${target.href}\` cannot be written: ${String(cause)}`, {
      hint: 'choose another folder: `configureInstall({ packageCacheDir })`',
      cause,
    })
  }
}
