import { WorkersPool } from 'millhand'
import * as tasks from '../../tasks.mjs'

export const entryPoints = {
  noop: () => undefined,
  spin: ({ args, workerScope }) => workerScope.spin(args),
  length: ({ args, workerScope }) => workerScope.length(args),
  pi: ({ args, workerScope }) => workerScope.pi(args),
  meet: ({ args, workerScope }) => workerScope.meet(args),
  hold: ({ args, workerScope }) => workerScope.hold(args),
}

export async function openPool(workers) {
  const pool = new WorkersPool({ globals: { ...tasks }, pool: { startAt: workers, stretchTo: workers } })
  await pool.ready()
  return pool
}

export async function open({ workers }) {
  const pool = await openPool(workers)
  return {
    call: (task, argument, transfer) => pool.run(entryPoints[task], argument, transfer && { transfer }),
    close: () => pool.terminate(),
  }
}
