/** A workload as a chart of bars: one SVG for light and dark pages, without scripts and fonts of its own. */

import { byMedian } from './report.mjs'
import { rounded } from './statistics.mjs'

const WIDTH = 760
const NAMES = 210
const FIGURES = 130
const LINE = 30
const TOP = 64

/** @param group of `groups`: a workload, its rows and which way is better. */
export function chart({ workload, rows, better, about }) {
  const sorted = rows.filter(({ median }) => median !== null).toSorted(byMedian(better))
  const most = Math.max(...sorted.map(({ max }) => max))
  const length = (value) => ((WIDTH - NAMES - FIGURES) * value) / most
  const height = TOP + sorted.length * LINE + 12
  const bars = sorted.map((row, index) => bar(row, TOP + index * LINE, length))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${text(workload)}: ${text(sorted.map(({ subject, median, unit }) => `${subject} ${rounded(median)} ${unit}`).join(', '))}</title>
<style>
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.about { font-size: 12px; fill: #59636e }
.other { fill: #8c959f }
.own { fill: #0969da }
.spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .about { fill: #9198a1 }
  .other { fill: #656c76 }
  .own { fill: #4493f8 }
  .spread { stroke: #e6edf3 }
}
</style>
<text class="title" x="0" y="18">${text(workload)}, ${text(sorted[0]?.unit ?? '')} (${better} is better)</text>
<text class="about" x="0" y="40">${text(about)}</text>
${bars.join('\n')}
</svg>
`
}

/** The bar ends at the median; the line over it goes from the least to the most. */
function bar({ subject, unit, median, min, max }, top, length) {
  const middle = top + 10
  const end = NAMES + length(max) + 8
  return `<text x="${NAMES - 10}" y="${top + 15}" text-anchor="end">${text(subject)}</text>
<rect class="${subject.startsWith('millhand') ? 'own' : 'other'}" x="${NAMES}" y="${top}" width="${round(length(median))}" height="20" rx="2"/>
<line class="spread" x1="${round(NAMES + length(min))}" x2="${round(NAMES + length(max))}" y1="${middle}" y2="${middle}"/>
<text x="${round(end)}" y="${top + 15}">${text(`${rounded(median)} ${unit}`)}</text>`
}

function round(value) {
  return Math.round(value * 10) / 10
}

function text(value) {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
