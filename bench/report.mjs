/** What a run says in words: a table for each workload, best first, and who was on what machine. */

import { WORKLOADS } from './pools/catalog.mjs'
import { rounded } from './statistics.mjs'

/** The Markdown of a run's results. */
export function report(results) {
  return [heading(results), ...groups(results.rows).map(groupTable), ''].join('\n')
}

function heading({ date, seconds, quick, machine, versions }) {
  const { browser, node, ...packages } = versions
  return [
    `${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}; ` +
      `${[browser, `Node ${node}`].filter(Boolean).join(', ')}; ${seconds} s${quick ? ', a quick run: one short round each, good for nothing but a look' : ''}.`,
    '',
    Object.entries(packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    '',
  ].join('\n')
}

/** Rows of one benchmark and workload, with what the catalogue says of it. */
function groups(rows) {
  const byName = Map.groupBy?.(rows, ({ name }) => name) ?? groupByName(rows)
  return [...byName].map(([name, rows]) => ({ name, rows, ...WORKLOADS[name.slice(name.indexOf('/') + 1)] }))
}

function groupByName(rows) {
  const byName = new Map()
  for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row])
  return byName
}

function groupTable({ name, rows, better, about }) {
  const sorted = better ? rows.toSorted(byMedian(better)) : rows
  const own = rows.find(({ subject }) => subject === 'millhand')?.median
  return [
    `**${name}**${about ? `: ${about}; ${better} is better` : ''}`,
    '',
    `| | median | spread | runs |${own ? ' against millhand |' : ''}`,
    `| --- | ---: | ---: | ---: |${own ? ' ---: |' : ''}`,
    ...sorted.map((row) => line(row, own)),
    '',
  ].join('\n')
}

/** The best first, and those that have no figure last. */
export function byMedian(better) {
  return (a, b) => {
    if (a.median === null || b.median === null) return Number(a.median === null) - Number(b.median === null)
    return better === 'more' ? b.median - a.median : a.median - b.median
  }
}

function line({ subject, unit, median, min, max, runs, failed, notes }, own) {
  const said = [...(notes ?? []), ...(failed ?? []).map((reason) => `failed: ${reason}`)].join('; ')
  const name = said ? `${subject} (${said})` : subject
  if (median === null) return `| ${name} | – | – | 0 |${own ? ' |' : ''}`
  const ratio = own ? ` ${(median / own).toPrecision(3)} |` : ''
  return `| ${name} | ${rounded(median)} ${unit} | ${rounded(min)} to ${rounded(max)} | ${runs} |${ratio}`
}
