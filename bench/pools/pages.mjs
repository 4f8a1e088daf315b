/** The pages of the subjects, bundled by esbuild and served on loopback: cross-origin isolated, for exact clocks and shared memory. */

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const millhand = fileURLToPath(new URL('../../js/dist/standalone/', import.meta.url))
const types = { '.mjs': 'text/javascript', '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' }

/** Bundles and serves the pages of `subjects`; `url` is the server's, a subject's page is at `/<folder>/`. */
export async function servePages(subjects) {
  const files = await bundle(subjects)
  for (const name of await readdir(millhand)) files.set(`/millhand/${name}`, await readFile(join(millhand, name)))
  const server = createServer((request, response) => {
    const path = request.url.endsWith('/') ? `${request.url}index.html` : request.url
    const file = files.get(path)
    if (!file) return response.writeHead(404).end('there is nothing here')
    response.writeHead(200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cache-control': 'max-age=3600',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    })
    response.end(file)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${server.address().port}/`, stop }
}

/** The files of all pages, by their paths. millhand's own package is not bundled: a page imports it as it is published. */
async function bundle(subjects) {
  const folders = [...new Set([...subjects.map(({ folder }) => folder), 'loop'])]
  const entryPoints = folders.flatMap((folder) => [
    { in: `page:${folder}`, out: `${folder}/page` },
    ...(existsSync(join(here, 'browser', folder, 'worker.mjs'))
      ? [{ in: join(here, 'browser', folder, 'worker.mjs'), out: `${folder}/worker` }]
      : []),
    { in: join(here, 'browser', folder, 'pool.mjs'), out: `${folder}/pool` },
  ])
  const { outputFiles } = await build({
    entryPoints,
    plugins: [pageModules],
    // What pools ask for only if they are in Node.
    external: ['millhand', 'os', 'child_process', 'worker_threads', 'node:*'],
    // Its build for browsers, which its documentation names for them; `exports` has it behind another one.
    alias: { 'poolifier-web-worker': fileURLToPath(new URL('../browser/mod.js', import.meta.resolve('poolifier-web-worker'))) },
    outdir: join(here, 'out'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  })
  const path = (file) => `/${relative(join(here, 'out'), file).split(sep).join('/')}`
  const files = new Map(outputFiles.map((file) => [path(file.path), file.contents]))
  for (const folder of folders) files.set(`/${folder}/index.html`, html)
  return files
}

const html = `<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "millhand": "/millhand/index.js" } }</script>
<script type="module" src="page.mjs"></script>
`

/** A page's script: its subject, and the harness. */
const pageModules = {
  name: 'pages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^page:/ }, ({ path }) => ({ path: path.slice('page:'.length), namespace: 'page' }))
    onLoad({ filter: /.*/, namespace: 'page' }, ({ path }) => ({
      contents: `
        import { open } from './browser/${path}/pool.mjs'
        import { runWorkload } from './harness.mjs'
        globalThis.loadLoop = () => import(new URL('/loop/pool.mjs', location.href).href)
        globalThis.runWorkload = (order) => runWorkload(open, order)`,
      resolveDir: here,
    }))
  },
}
