/**
 * Starts the real server for the whole run, and tells its url in `MILLHAND_URL`. It downloads nothing, unless `MILLHAND_ONLINE` is
 * set: for the sweep over popular packages.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export default async function startServer(): Promise<() => Promise<void>> {
  const binary = process.env['MILLHAND_BIN']
  if (!binary) throw new Error('MILLHAND_BIN is not set: run the tests with `cargo xtask test browser`')
  const overlay = process.env['MILLHAND_OVERLAY']
  const pages = fileURLToPath(new URL('pages', import.meta.url))
  // The server writes down what the tests ask for: into a copy.
  const scratch = await mkdtemp(join(tmpdir(), 'millhand-tests-'))
  const lockfile = join(scratch, 'millhand.lock')
  await copyFile(join(pages, 'millhand.lock'), lockfile)
  const network = process.env['MILLHAND_ONLINE'] ? [] : ['--offline']
  const sources = ['--cache-dir', await cacheWithoutImages(scratch), '--lockfile', lockfile, ...network, ...(overlay ? ['--overlay', overlay] : [])]
  const args = ['serve', pages, '--port', '0', ...sources]
  const server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] })

  const exited = once(server, 'exit')
  const failed = exited.then(() => Promise.reject(new Error('the server ended before it listened')))
  process.env['MILLHAND_URL'] = await Promise.race([listeningUrl(server.stdout), failed])
  failed.catch(() => undefined)
  return async () => {
    server.kill('SIGTERM')
    await exited
    await rm(scratch, { recursive: true })
  }
}

/** A cache in `folder` with the files of the usual one, and all that it knows but images: tests say themselves where there are some. */
export async function cacheWithoutImages(folder: string): Promise<string> {
  const usual = process.env['MILLHAND_CACHE_DIR'] || join(homedir(), '.cache/millhand')
  const cache = join(folder, 'cache')
  await mkdir(join(usual, 'v1/files'), { recursive: true })
  await mkdir(join(usual, 'v1/records'), { recursive: true })
  await mkdir(join(cache, 'v1'), { recursive: true })
  await symlink(join(usual, 'v1/files'), join(cache, 'v1/files'))
  await cp(join(usual, 'v1/records'), join(cache, 'v1/records'), { recursive: true })
  await rm(join(cache, 'v1/records/images'), { recursive: true, force: true })
  return cache
}

export async function listeningUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('the server said no `listening on …`')
}
