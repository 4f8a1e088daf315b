/**
 * The pool that one writes by hand: a queue, a promise for each task, and one task at a time with each worker. `listen(thread, hear)`
 * has `hear` called with each message of a thread. Gives the function that runs a task.
 */
export function oneAtATime(threads, listen) {
  const idle = [...threads]
  const running = new Map()
  const queue = []
  let next = 0
  const start = (thread, job) => {
    running.set(thread, job)
    thread.postMessage({ task: job.task, argument: job.argument }, job.transfer)
  }
  for (const thread of threads) {
    listen(thread, ({ result, error }) => {
      const { resolve, reject } = running.get(thread)
      if (next < queue.length) {
        start(thread, queue[next])
        queue[next++] = undefined
      } else idle.push(thread)
      if (error) reject(error)
      else resolve(result)
    })
  }
  return (task, argument, transfer = []) =>
    new Promise((resolve, reject) => {
      const job = { task, argument, transfer, resolve, reject }
      if (idle.length > 0) start(idle.pop(), job)
      else queue.push(job)
    })
}
