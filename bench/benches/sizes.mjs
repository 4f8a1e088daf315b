/** What a page and a worker load of each browser pool, gzipped, and with what they depend on; millhand without rxjs. */

import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const dist = new URL('../../js/dist/npm/', import.meta.url)
const PEERS = {
  workerpool: ['workerpool', 'workerpool'],
  'poolifier-web-worker': ['poolifier-web-worker', 'poolifier-web-worker'],
  threads: ['threads', 'threads/worker'],
  Comlink: ['comlink', 'comlink'],
}

export default async function sizes({ measure }) {
  const index = await bundled(fileURLToPath(new URL('index.js', dist)), ['rxjs'])
  const wasm = (await readdir(dist)).filter((name) => name.endsWith('.wasm'))
  const binaries = await Promise.all(wasm.map((name) => readFile(new URL(name, dist))))
  measure('page', 'millhand', 'kB', [index, ...binaries].reduce((sum, content) => sum + gzipped(content), 0))
  measure('worker', 'millhand', 'kB', gzipped(await readFile(new URL('worker.js', dist))))
  for (const [name, [page, worker]] of Object.entries(PEERS)) {
    measure('page', name, 'kB', gzipped(await bundled(page)))
    measure('worker', name, 'kB', gzipped(await bundled(worker)))
  }
}

/** What a bundler makes of a module, minified: what is loaded with it at once, and not what it imports later. */
async function bundled(module, external = []) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(module)}`, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    outdir: 'out',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: [...external, 'os', 'child_process', 'worker_threads', 'process', 'node:*'],
    logLevel: 'error',
    metafile: true,
  }).then(atOnce)
  return Buffer.concat(outputFiles)
}

/** The entry, and the chunks that it imports statically. */
function atOnce({ outputFiles, metafile }) {
  const [entry] = Object.keys(metafile.outputs).filter((path) => metafile.outputs[path].entryPoint)
  const wanted = new Set([entry])
  for (const path of wanted) {
    for (const { path: imported, kind, external } of metafile.outputs[path].imports) {
      if (kind === 'import-statement' && !external) wanted.add(imported)
    }
  }
  const files = outputFiles.filter(({ path }) => [...wanted].some((name) => path.endsWith(name)))
  return { outputFiles: files.map(({ contents }) => contents) }
}

function gzipped(content) {
  return gzipSync(content, { level: 9 }).length / 1_000
}
