/** Puts the results of the last full run into the documents: tables between marks, and charts. `npm run publish-results`. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { chart } from './chart.mjs'
import { goalsTable, groups, heading, report, summaryTable } from './report.mjs'

/** What is drawn, and in which file of `docs/benchmarks`. */
const CHARTS = {
  'dispatch/no-op tasks': 'no-op-tasks.svg',
  'dispatch/workers at work, busy main thread': 'busy-main-thread.svg',
  'dispatch/round trip': 'round-trip.svg',
  'burst/a call, up to 1,000,000 waiting': 'burst.svg',
}
const root = new URL('../', import.meta.url)
const results = JSON.parse(await readFile(new URL('bench/results/latest.json', root), 'utf8'))
if (results.quick) {
  console.error('error: the last run was a quick one\nhint: run `cargo xtask bench` first')
  process.exit(2)
}
await mkdir(new URL('docs/benchmarks/', root), { recursive: true })
for (const group of groups(results.rows)) {
  const file = CHARTS[group.name]
  if (file) await writeFile(new URL(`docs/benchmarks/${file}`, root), chart(group))
}
await between('README.md', [summaryTable(results.rows), heading(results)])
await between('docs/benchmarks.md', [heading(results), goalsTable(results.rows), summaryTable(results.rows)])
await writeFile(new URL('docs/benchmarks/tables.md', root), `# The tables of the last run\n\n${report(results)}`)

/** Replaces what a document has between its marks. */
async function between(path, parts) {
  const url = new URL(path, root)
  const before = await readFile(url, 'utf8')
  const marks = /(<!-- results -->\n)[\s\S]*(<!-- end of results -->)/
  if (!marks.test(before)) throw new Error(`\`${path}\` has no marks for the results`)
  await writeFile(url, before.replace(marks, (_, begin, end) => `${begin}\n${parts.filter(Boolean).join('\n\n')}\n\n${end}`))
}
