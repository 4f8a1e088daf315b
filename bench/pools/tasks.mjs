/** The work. Each subject's workers run these functions, with one argument; each stands alone, so that it can be sent as source. */

export function noop() {}

/** Computes for `ms` milliseconds by the clock, and gives how long it took: longer, if something else had its core meanwhile. */
export function spin(ms) {
  const start = performance.now()
  let now = start
  while (now - start < ms) now = performance.now()
  return now - start
}

/** The bytes of a buffer. */
export function length(buffer) {
  return buffer.byteLength
}

/** π by the share of random points within a circle; the generator is a fixed one, so that it is the same work everywhere. */
export function pi(points) {
  let state = 2463534242
  let inside = 0
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let point = 0; point < points; point++) {
    const x = random()
    const y = random()
    if (x * x + y * y < 1) inside += 1
  }
  return (4 * inside) / points
}

/** Waits until `count` workers are here at once. It holds its worker, so each of them is another one. */
export function meet({ shared, count }) {
  const here = new Int32Array(shared)
  const deadline = performance.now() + 10_000
  let seen = Atomics.add(here, 0, 1) + 1
  if (seen === count) Atomics.notify(here, 0)
  while (seen < count) {
    if (performance.now() > deadline) throw new Error(`only ${seen} of ${count} workers came within 10 s`)
    Atomics.wait(here, 0, seen, 1_000)
    seen = Atomics.load(here, 0)
  }
}

/** Says that it is here, in the first number, and holds its worker until the second one is set. */
export function hold(shared) {
  const numbers = new Int32Array(shared)
  Atomics.add(numbers, 0, 1)
  Atomics.wait(numbers, 1, 0, 120_000)
}
