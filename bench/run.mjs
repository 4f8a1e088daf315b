/**
 * Runs benchmarks and writes what they measured: `cargo xtask bench [--quick] [NAME…]`.
 *
 * Each file in `benches/` is one; its default export gets `{ quick, measure, versions }` and measures subjects side by side. All rows
 * of a run go to `results/latest.json`, with the machine and the versions, as a table to `results/latest.md`, and each sample to
 * `results/raw.json`.
 */

import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { machine, packageVersions } from './machine.mjs'
import { Measurements } from './measurements.mjs'
import { report } from './report.mjs'

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true })
const known = (await readdir(new URL('benches/', import.meta.url))).map((file) => basename(file, '.mjs')).sort()
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`error: there is no benchmark \`${unknown.join('`, `')}\`\nhint: there are ${known.join(', ')}`)
  process.exit(2)
}

const started = new Date()
const measurements = new Measurements()
const versions = { node: process.version, ...(await packageVersions()) }
for (const name of positionals.length > 0 ? positionals : known) {
  console.error(`==> ${name}`)
  const { default: run } = await import(`./benches/${name}.mjs`)
  try {
    await run({ quick: values.quick, measure: measurements.of(name), versions })
  } catch (error) {
    // The others are measured all the same.
    console.error(`error: the benchmark \`${name}\` ended early: ${error.message}`)
    process.exitCode = 1
  }
}

const results = {
  date: started.toISOString(),
  seconds: Math.round((Date.now() - started) / 1_000),
  quick: values.quick,
  machine: machine(),
  versions,
  rows: measurements.rows(),
}
await mkdir(new URL('results/', import.meta.url), { recursive: true })
await write('results/latest.json', `${JSON.stringify(results, null, 2)}\n`)
await write('results/raw.json', `${JSON.stringify({ ...results, rows: measurements.raw() })}\n`)
await write('results/latest.md', report(results))
console.log(report(results))

/** A run that is interrupted leaves the results of the one before. */
async function write(path, text) {
  const url = new URL(path, import.meta.url)
  const incoming = new URL(`${url.href}.incoming`)
  await writeFile(incoming, text)
  await rename(incoming, url)
}
