/** What small tasks cost the main thread of a page, by the browser's own tracer. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function mainThread({ quick, ...run }) {
  const params = { workers: 2, count: quick ? 4_000 : 10_000, limitMs: quick ? 1_000 : 2_000 }
  const gives = ['main thread, for each no-op task', 'main thread, longest task']
  return inBrowser('main-thread', [{ workload: 'traced', gives, params }], { ...run, rounds: quick ? 1 : 5 })
}
