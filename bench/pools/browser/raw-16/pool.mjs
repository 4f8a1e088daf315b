const BATCH = 16
const BATCHES_AHEAD = 2

/** What messages allow, for tasks that are all the same: batches, one of which waits while another is at work, and no promise for each task. */
export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' }))
  return {
    many: ({ task, argument, count, onDone }) => {
      let posted = 0
      const post = (thread) => {
        const batch = []
        for (; batch.length < BATCH && posted < count; posted++) batch.push({ task, argument })
        if (batch.length > 0) thread.postMessage(batch)
      }
      for (const thread of threads) {
        thread.onmessage = ({ data: results }) => {
          post(thread)
          onDone(results)
        }
        for (let batch = 0; batch < BATCHES_AHEAD; batch++) post(thread)
      }
    },
    close: () => {
      for (const thread of threads) thread.terminate()
    },
  }
}
