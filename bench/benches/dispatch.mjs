/** Small tasks of browser pools: how many, how soon, and what they cost the main thread. */

import { Browser } from '../pools/browser-seat.mjs'
import { sideBySide } from '../pools/side-by-side.mjs'
import { BROWSER, subjectsOf } from '../pools/subjects.mjs'

export default async function dispatch({ quick, measure, versions }) {
  const subjects = subjectsOf(BROWSER, 'dispatch')
  const place = await Browser.start(subjects)
  versions.browser = place.version
  try {
    await sideBySide({ place, subjects, orders: orders(quick), rounds: quick ? 1 : 5, measure })
  } finally {
    await place.stop()
  }
}

function orders(quick) {
  const limitMs = quick ? 1_500 : 4_000
  const workers = 2
  const busy = { workers, blockMs: 30, limitMs: quick ? 1_000 : 2_500 }
  return [
    { workload: 'noops', gives: ['no-op tasks'], params: { workers, count: quick ? 20_000 : 100_000, limitMs } },
    { workload: 'bounded', gives: ['no-op tasks, 256 at a time'], params: { workers, count: quick ? 10_000 : 50_000, atOnce: 256, limitMs: limitMs / 2 } },
    { workload: 'roundTrips', gives: ['round trip'], params: { workers, count: quick ? 1_000 : 4_000 } },
    { workload: 'shortTasks', gives: ['1 ms tasks'], params: { workers, count: quick ? 400 : 1_500, limitMs } },
    { workload: 'busyNoops', gives: ['no-op tasks, busy main thread'], params: { ...busy, count: quick ? 20_000 : 100_000 } },
    { workload: 'busyShare', gives: ['workers at work, busy main thread'], params: { ...busy, taskMs: 5, workMs: quick ? 500 : 1_000 } },
  ]
}
