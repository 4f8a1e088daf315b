import workerpool from 'workerpool'

export async function open({ workers }) {
  const pool = workerpool.pool(new URL('./worker.mjs', import.meta.url).href, {
    minWorkers: workers,
    maxWorkers: workers,
    workerType: 'web',
    workerOpts: { type: 'module' },
  })
  return {
    call: (task, argument, transfer) => pool.exec(task, [argument], transfer && { transfer }),
    close: () => pool.terminate(true),
  }
}
