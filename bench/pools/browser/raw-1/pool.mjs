/** The pool that one writes by hand: a queue, a promise for each task, and one task at a time with each worker. */
export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' }))
  const idle = [...threads]
  const running = new Map()
  const queue = []
  let next = 0
  const start = (thread, job) => {
    running.set(thread, job)
    thread.postMessage({ task: job.task, argument: job.argument }, job.transfer)
  }
  for (const thread of threads) {
    thread.onmessage = ({ data: { result, error } }) => {
      const { resolve, reject } = running.get(thread)
      if (next < queue.length) {
        start(thread, queue[next])
        queue[next++] = undefined
      } else idle.push(thread)
      if (error) reject(error)
      else resolve(result)
    }
  }
  return {
    call: (task, argument, transfer = []) =>
      new Promise((resolve, reject) => {
        const job = { task, argument, transfer, resolve, reject }
        if (idle.length > 0) start(idle.pop(), job)
        else queue.push(job)
      }),
    close: () => {
      for (const thread of threads) thread.terminate()
    },
  }
}
