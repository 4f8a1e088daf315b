/**
 * Tasks of remote workers beside calls of Ray's own actors, on one Ray of two nodes, in turns: rates with many under way, and the
 * round trip of one. It runs in a network that has only loopback, with the Python environment that set-up makes for the tests.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PACKAGE = fileURLToPath(new URL('../../python/millhand_ray/', import.meta.url))

export default async function ray({ quick, measure }) {
  const python = process.env.MILLHAND_RAY_PYTHON ?? join(process.env.MILLHAND_CACHE_DIR ?? '', 'ray', 'tests', 'bin', 'python')
  try {
    await access(python)
  } catch {
    console.error(`    skipped: there is no Ray in \`${python}\`: \`cargo xtask setup\` installs it`)
    return
  }
  const rounds = quick ? 1 : 5
  const command = ['--net', '--', python, '-m', 'tests.cluster.bench', `${rounds}`, quick ? '2000' : '5000']
  const child = spawn('unshare', command, {
    cwd: PACKAGE,
    env: { ...process.env, PYTHONPATH: join(PACKAGE, 'src') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const { workload, subject, unit, value } = JSON.parse(line)
    measure(workload, subject, unit, value)
  }
  const [status] = await exited
  if (status !== 0) throw new Error(`the measuring program ended with status ${status}`)
}
