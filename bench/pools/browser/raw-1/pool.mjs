import { oneAtATime } from '../../one-at-a-time.mjs'

export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' }))
  return {
    call: oneAtATime(threads, (thread, hear) => (thread.onmessage = ({ data }) => hear(data))),
    close: () => {
      for (const thread of threads) thread.terminate()
    },
  }
}
