import { Worker } from 'node:worker_threads'

/** What the machine allows: each worker loops over its share of the tasks, and says that it is done. */
export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url)))
  return {
    many: ({ task, argument, count, onDone }) => {
      threads.forEach((thread, index) => {
        const share = Math.floor((count * (index + 1)) / workers) - Math.floor((count * index) / workers)
        thread.removeAllListeners('message').on('message', onDone)
        thread.postMessage({ task, argument, share })
      })
    },
    close: () => Promise.all(threads.map((thread) => thread.terminate())),
  }
}
