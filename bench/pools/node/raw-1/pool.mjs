import { Worker } from 'node:worker_threads'
import { oneAtATime } from '../../one-at-a-time.mjs'

export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url)))
  return {
    call: oneAtATime(threads, (thread, hear) => thread.on('message', hear)),
    close: () => Promise.all(threads.map((thread) => thread.terminate())),
  }
}
