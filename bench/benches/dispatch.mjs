/** Small tasks of browser pools: how many, how soon, and how many while the main thread is busy. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function dispatch({ quick, ...run }) {
  const limitMs = quick ? 1_000 : 3_000
  const workers = 2
  const busy = { workers, blockMs: 30, limitMs: quick ? 800 : 2_000 }
  const orders = [
    { workload: 'noops', gives: ['no-op tasks'], params: { workers, count: quick ? 20_000 : 100_000, limitMs } },
    {
      workload: 'bounded',
      gives: ['no-op tasks, 256 at a time'],
      params: { workers, count: quick ? 10_000 : 50_000, atOnce: 256, limitMs: limitMs / 2 },
    },
    { workload: 'roundTrips', gives: ['round trip'], params: { workers, count: quick ? 1_000 : 3_000, limitMs } },
    { workload: 'shortTasks', gives: ['1 ms tasks'], params: { workers, count: quick ? 300 : 1_000, limitMs } },
    { workload: 'busyNoops', gives: ['no-op tasks, busy main thread'], params: { ...busy, count: quick ? 20_000 : 100_000 } },
    {
      workload: 'busyShare',
      gives: ['workers at work, busy main thread'],
      params: { ...busy, taskMs: 5, workMs: quick ? 500 : 1_000 },
    },
  ]
  return inBrowser('dispatch', orders, { ...run, rounds: quick ? 1 : 5 })
}
