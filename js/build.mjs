/**
 * Builds the package from its sources and the compiled host (`dist/host`, made by `cargo xtask build`):
 * `dist/standalone` is what the server embeds, with everything in it; `dist/npm` is for bundlers, and `dist/node` for Node, both
 * with rxjs left out; `dist/engine` is what the server gives an engine; `dist/types` has the declarations.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('.', import.meta.url))
process.chdir(root)
if (!existsSync('dist/host/millhand_web_bg.wasm')) {
  console.error('js/dist/host has no compiled host: run `cargo xtask build` at the root of the repository')
  process.exit(1)
}

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  // What one script needs on demand, or several share, is a file of its own.
  splitting: true,
  chunkNames: 'chunk-[hash]',
  legalComments: 'none',
  logLevel: 'warning',
}

const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))

async function buildInto(outdir, options, more = {}) {
  rmSync(outdir, { recursive: true, force: true })
  const alias = { '#platform': './src/page/platform.ts', '#scope': './src/worker/web/scope.ts' }
  const entryPoints = { index: 'src/entrypoints/index.ts', ...more }
  await build({ ...common, ...options, alias, outdir, entryPoints })
  // What workers load is by itself: bundlers take each of these files as it is.
  const scripts = ['worker', 'python', 'image-builder'].map((name) => [name, `src/entrypoints/${name}.ts`])
  await build({ ...common, alias, splitting: false, minify: true, outdir, entryPoints: Object.fromEntries(scripts) })
  cpSync(host, `${outdir}/millhand_web_bg.wasm`)
}

/** It takes the host from `dist/npm`. */
async function buildForNode(outdir) {
  rmSync(outdir, { recursive: true, force: true })
  await build({
    ...common,
    platform: 'node',
    target: 'node20',
    alias: { '#platform': './src/node/platform.ts', '#scope': './src/worker/node/scope.ts' },
    external: ['rxjs'],
    outdir,
    entryPoints: { index: 'src/entrypoints/node.ts', worker: 'src/entrypoints/worker-node.ts' },
  })
}

/** The script of remote workers: one file, which the bridge carries to an engine's machines. */
async function buildForEngines(outdir) {
  rmSync(outdir, { recursive: true, force: true })
  await build({
    ...common,
    splitting: false,
    sourcemap: false,
    minifySyntax: true,
    minifyWhitespace: true,
    platform: 'node',
    target: 'node20',
    alias: { '#scope': './src/worker/node/process-scope.ts' },
    outExtension: { '.js': '.mjs' },
    outdir,
    entryPoints: { 'node-worker': 'src/entrypoints/worker-process.ts' },
  })
}

/** The host without what no page needs; with `MILLHAND_KEEP_NAMES`, as it was compiled, so that a profile shows its functions. */
function optimizedHost() {
  const compiled = 'dist/host/millhand_web_bg.wasm'
  if (process.env.MILLHAND_KEEP_NAMES) return compiled
  rmSync('dist/optimized', { recursive: true, force: true })
  mkdirSync('dist/optimized')
  const optimize = fileURLToPath(new URL('bin/wasm-opt', import.meta.resolve('binaryen/package.json')))
  // What wasm-bindgen asks of browsers in any case.
  const features = ['bulk-memory', 'reference-types', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'multivalue']
  const options = ['-Os', '--strip-debug', '--strip-producers', ...features.map((feature) => `--enable-${feature}`)]
  execFileSync(process.execPath, [optimize, compiled, ...options, '-o', 'dist/optimized/millhand_web_bg.wasm'], { stdio: 'inherit' })
  return 'dist/optimized/millhand_web_bg.wasm'
}

const host = optimizedHost()

await buildInto('dist/standalone', { minify: true }, { notebook: 'src/entrypoints/notebook.ts' })
cpSync('src/notebook/notebook.css', 'dist/standalone/notebook.css')
// Of the command line's own page: not in an export.
await build({
  ...common,
  alias: { '#platform': './src/page/platform.ts' },
  splitting: false,
  minify: true,
  outdir: 'dist/standalone',
  entryPoints: { 'image-maker': 'src/entrypoints/image-maker.ts' },
})
await buildInto('dist/npm', { external: ['rxjs'] })
await buildForNode('dist/node')
await buildForEngines('dist/engine')
rmSync('dist/types', { recursive: true, force: true })
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.page.json'], {
  stdio: 'inherit',
})
