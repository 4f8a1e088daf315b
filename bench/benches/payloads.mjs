/** Buffers on their way into the workers of browser pools. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function payloads({ quick, ...run }) {
  const params = { workers: 2, count: quick ? 60 : 200, bytes: 2 ** 20, limitMs: quick ? 1_000 : 3_000 }
  const orders = [{ workload: 'payloads', gives: ['1 MB copied', '1 MB transferred'], params }]
  return inBrowser('payloads', orders, { ...run, rounds: quick ? 1 : 5 })
}
