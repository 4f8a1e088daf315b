import { fileURLToPath } from 'node:url'
import { FixedThreadPool, PoolEvents } from 'poolifier'

export async function open({ workers }) {
  const pool = new FixedThreadPool(workers, fileURLToPath(new URL('./worker.mjs', import.meta.url)))
  if (!pool.info.ready) await new Promise((resolve) => pool.emitter.on(PoolEvents.ready, resolve))
  return {
    call: (task, argument, transfer) => pool.execute(argument, task, undefined, transfer),
    close: () => pool.destroy(),
  }
}
