/** A module of tasks: workers import it as it is, so its imports and variables are there. */

const known = new Map()

/** The smallest prime factor of a whole number above 1. */
export function smallestFactor(number) {
  if (!known.has(number)) known.set(number, search(number))
  return known.get(number)
}

function search(number) {
  for (let factor = 2; factor * factor <= number; factor += 1) {
    if (number % factor === 0) return factor
  }
  return number
}
