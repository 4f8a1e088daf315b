/** The subjects of a benchmark in the browser, beside each other. */

import { Browser } from './browser-seat.mjs'
import { sideBySide } from './side-by-side.mjs'
import { BROWSER, subjectsOf } from './subjects.mjs'

export async function inBrowser(benchmark, orders, { rounds, measure, versions }) {
  const subjects = subjectsOf(BROWSER, benchmark)
  const place = await Browser.start(subjects)
  versions.browser = place.version
  try {
    await sideBySide({ place, subjects, orders, rounds, measure })
  } finally {
    await place.stop()
  }
}
