import { releaseProxy, transfer as marked, wrap } from 'comlink'

/** Comlink has no pool: calls go to its workers in turn, as many at once as there are. */
export async function open({ workers }) {
  const threads = Array.from({ length: workers }, () => new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' }))
  const proxies = threads.map((thread) => wrap(thread))
  let turn = 0
  return {
    call: (task, argument, transfer) => {
      turn = (turn + 1) % workers
      return proxies[turn][task](transfer ? marked(argument, transfer) : argument)
    },
    close: () => {
      for (const proxy of proxies) proxy[releaseProxy]()
      for (const thread of threads) thread.terminate()
    },
  }
}
