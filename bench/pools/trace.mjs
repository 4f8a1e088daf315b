/** Reads what the browser's tracer wrote. */

/**
 * Of the main thread of the page that set the marks, in milliseconds of its own time (not of what else had its core): how long it
 * was at work, and the longest task that began after the submitting one.
 */
export function mainThreadTimes(trace) {
  const { traceEvents } = JSON.parse(trace.toString())
  const [submit, submitted, end] = ['bench-submit', 'bench-submitted', 'bench-end'].map((name) =>
    traceEvents.find((event) => event.name === name),
  )
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid, ts, dur }) =>
      name === 'ThreadControllerImpl::RunTask' &&
      ph === 'X' &&
      pid === submit.pid &&
      tid === submit.tid &&
      ts + dur > submit.ts &&
      ts < end.ts,
  )
  const times = (tasks) => tasks.map(({ dur, tdur = dur }) => tdur / 1_000)
  const totalMs = times(tasks).reduce((sum, ms) => sum + ms, 0)
  const longestMs = Math.max(0, ...times(tasks.filter(({ ts }) => ts > submitted.ts)))
  return { totalMs, longestMs }
}
