/** The work, as millhand is given it: functions that are sent as source, and find the work in their worker's globals. */

export const entryPoints = {
  noop: () => undefined,
  spin: ({ args, workerScope }) => workerScope.spin(args),
  length: ({ args, workerScope }) => workerScope.length(args),
  pi: ({ args, workerScope }) => workerScope.pi(args),
  meet: ({ args, workerScope }) => workerScope.meet(args),
  hold: ({ args, workerScope }) => workerScope.hold(args),
}
