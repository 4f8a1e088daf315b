import { WorkersPool } from '/millhand/index.js'
import { describe } from '/support.js'

/** What works in this page, called by the test. */
window.strict = async () => {
  const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
  const outcome = (act) =>
    Promise.resolve()
      .then(act)
      .catch((error) => describe(error))
  // Before a worker is there, nobody knows what it may do.
  const seven = () => 7
  const early = outcome(() => pool.run(seven))
  await pool.ready()
  return {
    early: await early,
    sum: await pool.use('/tasks.js').addOffset(1),
    atTheCall: await outcome(() => pool.run(() => 8)),
    again: await outcome(() => pool.run(seven)),
  }
}
