import { fileURLToPath } from 'node:url'
import workerpool from 'workerpool'

export async function open({ workers }) {
  const pool = workerpool.pool(fileURLToPath(new URL('./worker.mjs', import.meta.url)), {
    minWorkers: workers,
    maxWorkers: workers,
    workerType: 'thread',
  })
  return {
    call: (task, argument, transfer) => pool.exec(task, [argument], transfer && { transfer }),
    close: () => pool.terminate(true),
  }
}
