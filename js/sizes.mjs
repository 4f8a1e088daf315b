/**
 * What a page downloads, in bytes: `node sizes.mjs` compares the built package with `sizes.json`, `--update` rewrites that.
 *
 * `page` is what an import of the package loads at once, minified and without rxjs; `page later` is what it loads on demand. `python` is
 * what workers with Python load besides `worker`.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Compilers and compressors differ a little from one machine to the next. */
const TOLERANCE = 0.02

process.chdir(fileURLToPath(new URL('.', import.meta.url)))
const sizes = {
  ...(await pageSizes()),
  host: sizeOf([readFileSync('dist/standalone/millhand_web_bg.wasm')]),
  worker: sizeOf([readFileSync('dist/standalone/worker.js')]),
  python: sizeOf([readFileSync('dist/standalone/python.js')]),
}
for (const [name, { raw, gzip }] of Object.entries(sizes)) console.log(`${name.padEnd(12)} ${raw} bytes, ${gzip} gzipped`)

if (process.argv.includes('--update')) {
  writeFileSync('sizes.json', `${JSON.stringify(sizes, null, 2)}\n`)
} else {
  const known = JSON.parse(readFileSync('sizes.json', 'utf8'))
  const changed = Object.keys({ ...known, ...sizes }).filter((name) => !isNear(known[name]?.gzip, sizes[name]?.gzip))
  for (const name of changed) {
    console.error(`error: \`${name}\` has ${sizes[name]?.gzip} bytes gzipped, and ${known[name]?.gzip} by js/sizes.json`)
  }
  if (changed.length > 0) {
    console.error('hint: if that is meant, do `cargo xtask sizes --update`, and commit the file')
    process.exit(1)
  }
}

async function pageSizes() {
  const { outputFiles, metafile } = await build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    outdir: 'dist',
    external: ['rxjs'],
    alias: { '#platform': './src/page/platform.ts', '#scope': './src/worker/web/scope.ts' },
    entryPoints: { page: 'src/entrypoints/index.ts' },
  })
  const atOnce = new Set()
  const load = (path) => {
    atOnce.add(path)
    const { imports } = metafile.outputs[path]
    for (const { kind, path } of imports) if (kind === 'import-statement' && path in metafile.outputs) load(path)
  }
  load('dist/page.js')
  const isAtOnce = ({ path }) => [...atOnce].some((name) => path.endsWith(name))
  return {
    page: sizeOf(outputFiles.filter(isAtOnce).map(({ contents }) => contents)),
    'page later': sizeOf(outputFiles.filter((file) => !isAtOnce(file)).map(({ contents }) => contents)),
  }
}

function sizeOf(files) {
  const sum = (measure) => files.reduce((total, file) => total + measure(file), 0)
  return { raw: sum((file) => file.length), gzip: sum((file) => gzipSync(file, { level: 9 }).length) }
}

function isNear(known, now) {
  return known !== undefined && now !== undefined && Math.abs(now - known) <= known * TOLERANCE
}
