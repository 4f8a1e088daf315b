/** What a run says in words: its goals, who wins what, and a table for each workload, best first. */

import { checkGoals } from './goals.mjs'
import { WORKLOADS } from './pools/catalog.mjs'
import { rounded } from './statistics.mjs'

/** The whole report, as Markdown. */
export function report(results) {
  const parts = [heading(results), goalsTable(results.rows), summaryTable(results.rows), ...groups(results.rows).map(groupTable)]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** When, where and with what. */
export function heading({ date, seconds, quick, machine, versions }) {
  const { browser, node, ...packages } = versions
  const names = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const place = `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}`
  const kind = quick ? ' A quick run: one short round, for a look and not for quoting.' : ''
  return `${date.slice(0, 10)}, ${place}, ${[browser, `Node ${node}`].filter(Boolean).join(', ')}, ${seconds} s.${kind}\n${names.join(', ')}.`
}

/** The goals that the run has figures for; `null` if it has none. */
export function goalsTable(rows) {
  const measured = checkGoals(rows).filter(({ measured }) => measured !== null)
  if (measured.length === 0) return null
  const lines = measured.map(({ text, bound, unit, measured, isMet, share }) => {
    const verdict = isMet ? 'met' : `short: ${share.toPrecision(2)} of it`
    return `| ${text} | ${bound}${unit === '×' ? '' : ` ${unit}`} | ${rounded(measured)}${unit === '×' ? '' : ` ${unit}`} | ${verdict} |`
  })
  return ['| goal | | measured | |', '| --- | ---: | ---: | --- |', ...lines].join('\n')
}

/** Subjects against workloads, of pools in the browser; the best in bold, whoever it is. `null` without such rows. */
export function summaryTable(rows) {
  const shown = groups(rows).filter(({ name, better }) => better && !/^(node|ray)\//.test(name))
  if (shown.length === 0) return null
  const subjects = [...new Set(shown.flatMap(({ rows }) => rows.map(({ subject }) => subject)))]
  const lines = shown.map(({ workload, rows, better }) => {
    const [first] = rows.toSorted(byMedian(better))
    const cells = subjects.map((name) => cell(rows.find(({ subject }) => subject === name), first))
    return `| ${workload}, ${rows[0].unit} | ${cells.join(' | ')} |`
  })
  return [`| | ${subjects.join(' | ')} |`, `| --- |${' ---: |'.repeat(subjects.length)}`, ...lines].join('\n')
}

function cell(row, first) {
  if (!row) return ''
  if (row.median === null) return 'failed'
  return row === first ? `**${rounded(row.median)}**` : rounded(row.median)
}

/** Rows of one benchmark and workload, with what the catalogue says of it. */
export function groups(rows) {
  const byName = new Map()
  for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row])
  return [...byName].map(([name, rows]) => {
    const workload = name.slice(name.indexOf('/') + 1)
    return { name, workload, rows, ...WORKLOADS[workload] }
  })
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
  ].join('\n')
}

/** The best first, and those that have no figure last. */
export function byMedian(better) {
  return (a, b) => {
    if (a.median === null || b.median === null) return Number(a.median === null) - Number(b.median === null)
    return better === 'more' ? b.median - a.median : a.median - b.median
  }
}

function line({ subject, unit, median, min, max, runs, failed = [], notes = [] }, own) {
  const said = [...notes, ...failed.map((reason) => `failed: ${reason}`)].join('; ')
  const name = said ? `${subject} (${said})` : subject
  if (median === null) return `| ${name} | – | – | 0 |${own ? ' |' : ''}`
  const ratio = own ? ` ${rounded(median / own)} |` : ''
  return `| ${name} | ${rounded(median)} ${unit} | ${rounded(min)} to ${rounded(max)} | ${runs} |${ratio}`
}
