/** Plain workers: how soon browser pools have them ready. */

import { inBrowser } from '../pools/in-browser.mjs'

export default function workers({ quick, ...run }) {
  const sizes = [1, 2, 4, 8]
  const gives = sizes.map((size) => `${size} ${size === 1 ? 'worker' : 'workers'} ready`)
  return inBrowser('workers', [{ workload: 'boots', gives, params: { sizes, limitMs: 10_000 } }], { ...run, rounds: quick ? 1 : 5 })
}
