/** Very many calls at once: what each costs a browser pool, in time and in memory. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function burst({ quick, ...run }) {
  const steps = [1_000, 10_000, 100_000, ...(quick ? [] : [1_000_000])]
  const gives = [
    'a call, the first 1,000',
    'a call, up to 10,000 waiting',
    'a call, up to 100,000 waiting',
    ...(quick ? [] : ['a call, up to 1,000,000 waiting']),
    'memory of a waiting task',
  ]
  const orders = [{ workload: 'burst', gives, leavesTasks: true, params: { workers: 2, steps, limitMs: quick ? 1_500 : 6_000 } }]
  return inBrowser('burst', orders, { ...run, rounds: quick ? 1 : 3 })
}
