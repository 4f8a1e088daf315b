/** A job of equal parts that compute, π by random points: how much of the cores browser pools make use of. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function pi({ quick, ...run }) {
  const params = { workers: 2, count: quick ? 60 : 300, points: 1_000_000, limitMs: quick ? 2_000 : 10_000 }
  return inBrowser('pi', [{ workload: 'piJob', gives: ['π job'], params }], { ...run, rounds: quick ? 1 : 5 })
}
