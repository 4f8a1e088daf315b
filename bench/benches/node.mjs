/** The same workloads with pools in Node. */

import { node } from '../pools/node-seat.mjs'
import { sideBySide } from '../pools/side-by-side.mjs'
import { NODE, subjectsOf } from '../pools/subjects.mjs'

export default async function inNode({ quick, measure }) {
  const run = { place: node, rounds: quick ? 1 : 3, measure }
  await sideBySide({ ...run, subjects: subjectsOf(NODE, 'node'), orders: orders(quick) })
  await sideBySide({ ...run, subjects: subjectsOf(NODE, 'pi'), orders: [piOrder(quick)] })
}

function orders(quick) {
  const limitMs = quick ? 1_000 : 2_000
  const workers = 2
  const busy = { workers, blockMs: 30, limitMs: quick ? 800 : 2_000 }
  return [
    { workload: 'noops', gives: ['no-op tasks'], params: { workers, count: quick ? 20_000 : 100_000, limitMs } },
    { workload: 'roundTrips', gives: ['round trip'], params: { workers, count: quick ? 1_000 : 3_000, limitMs } },
    { workload: 'shortTasks', gives: ['1 ms tasks'], params: { workers, count: quick ? 300 : 1_000, limitMs } },
    {
      workload: 'busyShare',
      gives: ['workers at work, busy main thread'],
      params: { ...busy, taskMs: 5, workMs: quick ? 500 : 1_000 },
    },
    {
      workload: 'payloads',
      gives: ['1 MB copied', '1 MB transferred'],
      params: { workers, count: quick ? 60 : 200, bytes: 2 ** 20, limitMs },
    },
    { workload: 'boots', gives: ['1 worker ready', '2 workers ready', '4 workers ready', '8 workers ready'], params: { sizes: [1, 2, 4, 8], limitMs } },
  ]
}

function piOrder(quick) {
  const params = { workers: 2, count: quick ? 60 : 300, points: 1_000_000, limitMs: quick ? 2_000 : 10_000 }
  return { workload: 'piJob', gives: ['π job'], params }
}
