import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chart } from '../chart.mjs'
import { checkGoals } from '../goals.mjs'
import { goalsTable, groups, report, summaryTable } from '../report.mjs'

const row = (name, subject, unit, median, more = {}) => ({ name, subject, unit, median, min: median * 0.9, max: median * 1.1, runs: 5, ...more })
const failed = (name, subject, unit, reason) => ({ name, subject, unit, median: null, min: null, max: null, runs: 0, failed: [reason] })
const rows = [
  row('dispatch/no-op tasks', 'millhand', 'tasks/s', 90_000),
  row('dispatch/no-op tasks', 'workerpool', 'tasks/s', 10_000),
  row('dispatch/no-op tasks', 'Comlink', 'tasks/s', 100_000),
  failed('dispatch/no-op tasks', 'threads', 'tasks/s', 'it <hangs>'),
  row('dispatch/round trip', 'millhand', 'µs', 40),
  row('dispatch/round trip', 'postMessage', 'µs', 20),
]
const goal = (text) => checkGoals(rows).find((goal) => goal.text.startsWith(text))

test('a goal is met, missed, or not measured', () => {
  assert.deepEqual([goal('no-op tasks through `run` against the best').measured, goal('no-op tasks through `run` against the best').isMet], [9, true])
  assert.deepEqual([goal('no-op tasks through `run` against Comlink').measured, goal('no-op tasks through `run` against Comlink').isMet], [0.9, false])
  assert.deepEqual([goal('round trip').measured, goal('round trip').isMet], [2, false])
  assert.deepEqual([goal('memory of a waiting task').measured, goal('memory of a waiting task').isMet], [null, null])
})

test('the table of goals says by how much one is missed', () => {
  const lines = goalsTable(rows).split('\n')
  assert.equal(lines.length, 2 + 3)
  assert.equal(lines[2], '| no-op tasks through `run` against the best browser pool | at least 8 | 9 | met |')
  assert.equal(lines[3], '| no-op tasks through `run` against Comlink, flooded | at least 3 | 0.9 | short: 0.30 of it |')
  assert.equal(goalsTable([]), null)
})

test('who wins is first and in bold, also if it is a peer', () => {
  const [, , noops, trips] = summaryTable(rows).split('\n')
  assert.equal(noops, '| no-op tasks, tasks/s | 90,000 | 10,000 | **100,000** | failed |  |')
  assert.equal(trips, '| round trip, µs | 40 |  |  |  | **20** |')
  const results = { date: '2026-01-02T03:04:05Z', seconds: 9, quick: true, machine: {}, versions: { node: 'v20' }, rows }
  const subjects = report(results).match(/^\| (Comlink|millhand|workerpool|threads)/gm)
  assert.deepEqual(subjects.slice(0, 4), ['| Comlink', '| millhand', '| workerpool', '| threads'])
  assert.match(report(results), /\| threads \(failed: it <hangs>\) \| – \| – \| 0 \| \|/)
})

test('a chart has a bar for each figure, and colours for light and dark', () => {
  const svg = chart(groups(rows)[0])
  assert.equal(svg.match(/<rect /g).length, 3)
  assert.equal(svg.match(/class="own"/g).length, 1)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.ok(svg.indexOf('Comlink</text>') < svg.indexOf('millhand</text>'))
})
