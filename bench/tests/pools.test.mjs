import assert from 'node:assert/strict'
import { test } from 'node:test'
import { many } from '../pools/many.mjs'
import { node } from '../pools/node-seat.mjs'
import { sideBySide } from '../pools/side-by-side.mjs'
import { mainThreadTimes } from '../pools/trace.mjs'

test('no more tasks are under way than are allowed', async () => {
  let underWay = 0
  let most = 0
  const call = async () => {
    most = Math.max(most, ++underWay)
    await null
    underWay -= 1
    return 2
  }
  const { done, sum, stopped } = await many({ call }, { count: 100, atOnce: 7, limitMs: 5_000 })
  assert.deepEqual([done, sum, stopped, most], [100, 200, false, 7])
})

test('what does not end is stopped, and says how far it came', async () => {
  const call = (_task, number) => (number ? new Promise(() => undefined) : Promise.resolve())
  const { done, stopped } = await many({ call }, { count: 10, argument: 1, limitMs: 20 })
  assert.equal(done, 0)
  assert.match(stopped, /^0 of 10 done within /)
})

test('a task that fails is a failure of the whole', async () => {
  await assert.rejects(many({ call: () => Promise.reject(new Error('no')) }, { count: 3, limitMs: 1_000 }), /no/)
})

test('a subject in a process of its own is measured, and one that cannot be there says why', async () => {
  const reported = []
  const measure = (workload, subject, unit, value) => reported.push([subject, unit, value > 0])
  measure.failed = (workload, subject, unit, reason) => reported.push([subject, unit, reason])
  const subjects = [
    { name: 'by hand', folder: 'raw-1' },
    { name: 'left out', folder: 'raw-1', unless: 'it is not there' },
    { name: 'unknown', folder: 'nothing-of-that-name' },
  ]
  const orders = [{ workload: 'noops', gives: ['no-op tasks'], params: { workers: 1, count: 100, limitMs: 5_000 } }]
  await sideBySide({ place: node, subjects, orders, rounds: 1, measure })
  assert.deepEqual(reported.slice(0, 2), [['by hand', 'tasks/s', true], ['left out', 'tasks/s', 'it is not there']])
  assert.match(reported[2][2], /Cannot find module/)
})

test('of a trace, the tasks of the page’s main thread count, and the submitting one is not the longest', () => {
  const task = (ts, dur, more = {}) => ({ name: 'ThreadControllerImpl::RunTask', ph: 'X', pid: 1, tid: 1, ts, dur, tdur: dur, ...more })
  const mark = (name, ts) => ({ name, ph: 'R', pid: 1, tid: 1, ts })
  const traceEvents = [
    task(0, 50),
    mark('bench-submit', 110),
    task(100, 9_000),
    mark('bench-submitted', 9_200),
    task(9_300, 2_000),
    task(9_300, 7_000, { tid: 2 }),
    task(12_000, 1_000, { tdur: 400 }),
    mark('bench-end', 20_000),
    task(30_000, 5_000),
  ]
  assert.deepEqual(mainThreadTimes(JSON.stringify({ traceEvents })), { totalMs: 11.4, longestMs: 2 })
})
