/** Reads what the browser's tracer wrote. */

/** Of the main thread of the page that set the marks: milliseconds at work, and the longest task after the submitting one. */
export function mainThreadTimes(trace) {
  const { traceEvents } = JSON.parse(trace.toString())
  const mark = (name) => traceEvents.findLast((event) => event.name === name)
  const [submit, submitted, end] = ['bench-submit', 'bench-submitted', 'bench-end'].map(mark)
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid, ts }) =>
      name === 'ThreadControllerImpl::RunTask' && ph === 'X' && pid === submit.pid && tid === submit.tid && ts < end.ts,
  )
  const within = tasks.filter(({ ts, dur }) => ts + dur > submit.ts)
  const after = within.filter(({ ts }) => ts > submitted.ts)
  const total = within.reduce((sum, { ts, dur }) => sum + Math.min(ts + dur, end.ts) - Math.max(ts, submit.ts), 0)
  return { totalMs: total / 1_000, longestMs: Math.max(0, ...after.map(({ dur }) => dur)) / 1_000 }
}
