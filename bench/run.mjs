/**
 * Runs benchmarks and writes what they measured: `cargo xtask bench [--quick] [NAME…]`.
 *
 * Each file in `benches/` is one; its default export gets `{ quick, measure }` and measures subjects side by side. All rows of a
 * run go to `results/latest.json`, with the machine and the versions, and as a table to `results/latest.md`.
 */

import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { Measurements } from './measurements.mjs'

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true })
const known = (await readdir(new URL('benches/', import.meta.url))).map((file) => basename(file, '.mjs')).sort()
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`error: there is no benchmark \`${unknown.join('`, `')}\`\nhint: there are ${known.join(', ')}`)
  process.exit(2)
}

const measurements = new Measurements()
for (const name of positionals.length > 0 ? positionals : known) {
  console.error(`==> ${name}`)
  const { default: run } = await import(`./benches/${name}.mjs`)
  await run({ quick: values.quick, measure: measurements.of(name) })
}

await mkdir(new URL('results/', import.meta.url), { recursive: true })
const results = { machine: machine(), quick: values.quick, rows: measurements.rows() }
await write('results/latest.json', `${JSON.stringify(results, null, 2)}\n`)
await write('results/latest.md', measurements.table())
console.log(measurements.table())

function machine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

/** A run that is interrupted leaves the results of the one before. */
async function write(path, text) {
  const url = new URL(path, import.meta.url)
  const incoming = new URL(`${url.href}.incoming`)
  await writeFile(incoming, text)
  await rename(incoming, url)
}
