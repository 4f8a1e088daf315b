/** A `millhand serve` of its own. `MILLHAND_BIN` names the program. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** @param site the folder of pages: an empty one otherwise. */
export async function startServer({ cache, site, lockfile = join(cache, 'millhand.lock'), args = [] }) {
  const binary = process.env['MILLHAND_BIN']
  if (!binary) throw new Error('MILLHAND_BIN is not set: run the benchmarks with `cargo xtask bench`')
  await mkdir(cache, { recursive: true })
  const pages = site ?? (await mkdtemp(join(tmpdir(), 'millhand-site-')))
  const process_ = spawn(binary, ['serve', pages, '--port', '0', '--cache-dir', cache, '--lockfile', lockfile, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(process_, 'exit')
  const stop = async () => {
    process_.kill('SIGTERM')
    await exited
    if (site === undefined) await rm(pages, { recursive: true, force: true })
  }
  for await (const line of createInterface({ input: process_.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url) return { url, stop }
  }
  throw new Error('the server ended before it listened')
}
