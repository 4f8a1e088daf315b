import { Pool, spawn, Transfer, Worker } from 'threads'

export async function open({ workers }) {
  const url = new URL('./worker.mjs', import.meta.url).href
  // It starts absolute urls through `importScripts`, which only classic workers have.
  const pool = Pool(() => spawn(new Worker(url)), { size: workers })
  return {
    call: (task, argument, transfer) =>
      pool.queue((worker) => worker[task](transfer ? Transfer(argument, transfer) : argument)),
    close: () => pool.terminate(true),
  }
}
