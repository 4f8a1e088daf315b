/** Numbers of samples, and how they are written. */

/** By linear interpolation between the samples, which are sorted; `share` is from 0 to 1. */
export function quantile(sorted, share) {
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return below + (above - below) * (place - Math.floor(place))
}

/** Three figures, and no more; whole numbers above that. */
export function rounded(value) {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 10 })
}
