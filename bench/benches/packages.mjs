/**
 * npm packages: from a request to modules that can be imported. Cold: an empty cache, so that everything is downloaded. Build:
 * the tarballs are there, and nothing is built. Warm: everything is there, and the server has just started. Against esbuild, which
 * bundles the same packages, unpacked ahead, into one file.
 */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { build } from 'esbuild'
import { startServer } from '../server.mjs'

const PACKAGES = ['rxjs', 'mathjs', 'react-dom', 'd3']
const run = promisify(execFile)

export default async function packages({ quick, measure }) {
  const folder = await mkdtemp(join(tmpdir(), 'millhand-bench-'))
  try {
    await writeFile(join(folder, 'package.json'), '{"private": true}')
    await run('npm', ['install', '--no-audit', '--no-fund', ...PACKAGES], { cwd: folder })
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const name of PACKAGES) await measurePackage(name, join(folder, `${name}-${round}`), folder, measure)
    }
    await measureServing(folder, quick, measure)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measurePackage(name, cache, folder, measure) {
  measure(name, 'millhand, cold', 'ms', await answerTime(name, cache))
  await rm(join(cache, 'v1', 'records', 'npm'), { recursive: true })
  measure(name, 'millhand, build', 'ms', await answerTime(name, cache))
  measure(name, 'millhand, warm', 'ms', await answerTime(name, cache))
  measure(name, 'esbuild, build', 'ms', await esbuildTime(name, folder))
}

/** From the request to the answer of a server that has just started. */
async function answerTime(name, cache) {
  const server = await startServer({ cache })
  try {
    const start = performance.now()
    await requestManifest(server.url, name)
    return performance.now() - start
  } finally {
    await server.stop()
  }
}

async function requestManifest(url, name) {
  const answer = await fetch(new URL('millhand/manifest', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ esm: { modules: [name] } }),
  })
  const manifest = await answer.json()
  if (!answer.ok) throw new Error(`${name}: ${manifest.error.message}`)
  return manifest
}

async function esbuildTime(name, folder) {
  const start = performance.now()
  await build({
    stdin: { contents: `import * as all from '${name}'; export { all }`, resolveDir: folder },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"' },
    sourcemap: true,
    write: false,
    logLevel: 'error',
  })
  return performance.now() - start
}

/** Requests per second for a file of the cache, over eight connections. */
async function measureServing(folder, quick, measure) {
  const server = await startServer({ cache: join(folder, 'rxjs-0') })
  try {
    const { esm } = await requestManifest(server.url, 'rxjs')
    const url = new URL(esm.modules[0].url, new URL('millhand/manifest', server.url))
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      const cannon = autocannon({ url: url.href, connections: 8, duration: quick ? 1 : 5 })
      const [result] = await once(cannon, 'done')
      if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} answers failed`)
      measure('a cached file', 'millhand', 'requests/s', result.requests.average)
    }
  } finally {
    await server.stop()
  }
}
