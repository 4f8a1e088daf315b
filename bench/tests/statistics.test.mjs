import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Measurements } from '../measurements.mjs'
import { quantile, rounded } from '../statistics.mjs'

test('a quantile lies between two samples', () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5)
  assert.equal(quantile([1, 2, 3], 0.5), 2)
  assert.equal(quantile([10, 20, 30, 40, 50], 0.25), 20)
  assert.equal(quantile([7], 0.75), 7)
})

test('figures have three digits that count', () => {
  assert.deepEqual([123_456, 1.23456, 0.00123456, 20].map(rounded), ['123,000', '1.23', '0.00123', '20'])
})

test('samples become rows, in the order of the first of each', () => {
  const measurements = new Measurements()
  const measure = measurements.of('bench')
  for (const value of [3, 1, 2]) measure('load', 'one', 'ms', value)
  measure('load', 'two', 'ms', 5, 'it was stopped')
  const [one, two] = measurements.rows()
  assert.deepEqual(one, { name: 'bench/load', subject: 'one', unit: 'ms', median: 2, min: 1, q1: 1.5, q3: 2.5, max: 3, runs: 3 })
  assert.deepEqual(two.notes, ['it was stopped'])
  assert.deepEqual(measurements.raw()[0].samples, [3, 1, 2])
})

test('a subject that fails has a row without figures, which says why once', () => {
  const measurements = new Measurements()
  const measure = measurements.of('bench')
  measure.failed('load', 'one', 'ms', 'it hangs')
  measure.failed('load', 'one', 'ms', 'it hangs')
  const [row] = measurements.rows()
  assert.deepEqual([row.median, row.runs, row.failed], [null, 0, ['it hangs']])
})
