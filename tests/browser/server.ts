/** Starts the real server for the whole run, and tells its url in `MILLHAND_URL`. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export default async function startServer(): Promise<() => Promise<void>> {
  const binary = process.env['MILLHAND_BIN']
  if (!binary) throw new Error('MILLHAND_BIN is not set: run the tests with `cargo xtask test browser`')
  const overlay = process.env['MILLHAND_OVERLAY']
  const pages = fileURLToPath(new URL('pages', import.meta.url))
  const args = ['serve', pages, '--port', '0', '--offline', ...(overlay ? ['--overlay', overlay] : [])]
  const server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] })

  const exited = once(server, 'exit')
  const failed = exited.then(() => Promise.reject(new Error('the server ended before it listened')))
  process.env['MILLHAND_URL'] = await Promise.race([listeningUrl(server.stdout), failed])
  failed.catch(() => undefined)
  return async () => {
    server.kill('SIGTERM')
    await exited
  }
}

export async function listeningUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('the server said no `listening on …`')
}
