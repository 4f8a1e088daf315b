import { Piscina } from 'piscina'

export async function open({ workers }) {
  const pool = new Piscina({ filename: new URL('./worker.mjs', import.meta.url).href, minThreads: workers, maxThreads: workers })
  return {
    call: (task, argument, transfer) => pool.run(argument, { name: task, ...(transfer && { transferList: transfer }) }),
    close: () => pool.destroy(),
  }
}
