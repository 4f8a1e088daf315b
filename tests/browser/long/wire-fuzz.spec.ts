import { expect, test } from '../fixtures.js'

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 2_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)

test('whatever a worker sends, each task exits once, and the pool goes on', async ({ page }) => {
  const { exits, next, reasons } = await page.evaluate(fuzz, [ROUNDS, SEED] as const)
  console.log(`${ROUNDS} rounds, seed ${SEED}: ${JSON.stringify(reasons)}`)
  expect(exits).toEqual(Array(ROUNDS).fill(1))
  expect(next).toBe('fine')
})

async function fuzz([rounds, seed]: readonly [number, number]) {
  const { WorkersPool } = await import('millhand')
  const { collect } = await import('support')
  const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 3, cancelGrace: 50 } })
  /** Sends batches that are of the protocol, nearly so, or not at all; then ends, or waits for ever. */
  const speak = ({ args }: { args: number }) => {
    let state = args
    const random = (below: number) => {
      state = (state + 0x6d2b79f5) | 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) % below
    }
    const junk = [undefined, null, NaN, -1, 0.5, 2 ** 60, '', 'x', [], {}, new Error('e'), new Map(), 1n, true, [[]]]
    const value = () => (random(2) ? junk[random(junk.length)] : random(12))
    for (let batches = random(3); batches >= 0; batches--) {
      const tuple = () => Array.from({ length: random(6) }, value)
      const known = () => [random(10), random(3) ? random(2_100) : value(), random(4), value()]
      const numbers = () => Float64Array.from({ length: random(3) }, () => (random(4) ? random(2_100) : NaN))
      const exits = () => [9, numbers(), random(4) ? Array.from({ length: random(3) }, value) : value(), numbers()]
      const batch = random(8) ? Array.from({ length: 1 + random(4) }, () => [known, tuple, exits][random(3)]?.()) : value()
      self.postMessage(batch)
    }
    return random(4) ? 'done' : new Promise(() => {})
  }
  const exits: number[] = []
  const lane = async (first: number) => {
    for (let round = first; round < rounds; round += 20) {
      const message$ = pool.schedule({ entryPoint: speak, args: seed * 1_000_003 + round, timeout: 2_000 })
      exits.push((await collect(message$)).filter(({ type }) => type === 'Exit').length)
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => lane(index)))
  return { exits, next: await pool.run(() => 'fine'), reasons: pool.stats$.value.exits }
}
