import { FixedThreadPool, PoolEvents } from 'poolifier-web-worker'

export async function open({ workers }) {
  const pool = new FixedThreadPool(workers, new URL('./worker.mjs', import.meta.url))
  // Before that, it takes no tasks.
  if (!pool.info.ready) await new Promise((resolve) => pool.eventTarget.addEventListener(PoolEvents.ready, resolve))
  return {
    call: (task, argument, transfer) => pool.execute(argument, task, undefined, transfer),
    close: () => pool.destroy(),
  }
}
