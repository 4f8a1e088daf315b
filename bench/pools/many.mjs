/** Many tasks of a pool: as the subject itself would do them, or by as many calls. */

/** How often the clock is looked at. */
const LOOK_EVERY = 64

/**
 * @param pool a subject that is open: `{ call(task, argument, transfer?), … }` or `{ many({ task, argument, count, onDone }), … }`.
 * @param atOnce the most tasks that are under way.
 * @param transferring makes each task an argument of its own, which is transferred.
 * @returns `{ done, ms, sum, stopped }`: how many were done in how many milliseconds, and the sum of their results; `stopped` says so if the limit came before the end.
 */
export function many(pool, { task, argument, count, atOnce = Infinity, limitMs, transferring }) {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    let submitted = 0
    let done = 0
    let sum = 0
    let isOver = false
    const finish = () => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      const ms = performance.now() - start
      const stopped = done < count && `${done} of ${count} done within ${(ms / 1_000).toFixed(1)} s`
      resolve({ done, ms, sum, stopped })
    }
    const isLate = (number) => number % LOOK_EVERY === 0 && performance.now() - start > limitMs
    const fail = (error) => {
      isOver = true
      clearTimeout(timer)
      reject(error)
    }
    const submit = () => {
      submitted += 1
      const each = transferring ? transferring() : argument
      pool.call(task, each, transferring && [each]).then(onOne, fail)
    }
    const onOne = (result) => {
      done += 1
      sum += result
      if (isOver) return
      if (done === count || isLate(done)) finish()
      else if (submitted < count && submitted - done < atOnce) submit()
    }
    const timer = setTimeout(finish, limitMs)
    if (pool.many) {
      pool.many({ task, argument, count, onDone: (results) => {
        done += results.length
        for (const result of results) sum += result
        if (done === count) finish()
      } })
      return
    }
    while (submitted < count && submitted - done < atOnce) {
      if (isLate(submitted)) break
      submit()
    }
  })
}
