import { WorkersPool } from 'millhand'
import { entryPoints } from '../../entry-points.mjs'
import * as tasks from '../../tasks.mjs'

export async function open({ workers }) {
  const pool = new WorkersPool({ globals: { ...tasks }, pool: { startAt: workers, stretchTo: workers } })
  await pool.ready()
  return {
    call: (task, argument, transfer) => pool.run(entryPoints[task], argument, transfer && { transfer }),
    close: () => pool.terminate(),
  }
}
