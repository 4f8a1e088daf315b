import { readFileSync } from 'node:fs'

/** Why millhand cannot be measured in Node, if it cannot. */
const noNodeEntry = millhandExports()['.'].node ? undefined : 'its package has no entry for Node'

/**
 * Who is measured. Each is a folder of `browser/` or `node/` with `pool.mjs` (`open({ workers })`) and, except for millhand, the
 * script of its workers, `worker.mjs`. `only` names the benchmarks that it is for, if not all, `without` the workloads that it is not
 * for; `unless` says why it cannot be measured, if so.
 */

/** In a page. */
export const BROWSER = [
  { name: 'millhand', folder: 'millhand', package: 'millhand', how: '`pool.run`: a promise for each task' },
  { name: 'millhand schedule', folder: 'millhand-schedule', package: 'millhand', how: '`pool.schedule`: an Observable for each task, which is subscribed to' },
  { name: 'workerpool', folder: 'workerpool', package: 'workerpool', how: 'a dedicated worker script, `pool.exec`' },
  { name: 'poolifier-web-worker', folder: 'poolifier-web-worker', package: 'poolifier-web-worker', how: '`FixedThreadPool` as it comes, `pool.execute`; its workers get a `window`, without which they do not start' },
  { name: 'threads', folder: 'threads', package: 'threads', how: '`Pool` as it comes, `pool.queue`' },
  { name: 'Comlink', folder: 'comlink', package: 'comlink', how: 'no pool: `wrap` of each worker, calls to them in turn, all at once' },
  { name: 'postMessage', folder: 'raw-1', how: 'written by hand: a queue, one task at a time with each worker' },
  {
    name: 'postMessage, batches of 16',
    folder: 'raw-16',
    how: 'two batches with each worker, no promise for each task: what messages allow',
    only: ['dispatch'],
    without: ['bounded', 'roundTrips'],
  },
  { name: 'no messages', folder: 'loop', how: 'each worker loops over its share: what the machine allows', only: ['pi'] },
]

/** In Node. */
export const NODE = [
  { name: 'millhand', folder: 'millhand', package: 'millhand', how: '`pool.run`: a promise for each task', unless: noNodeEntry },
  { name: 'workerpool', folder: 'workerpool', package: 'workerpool', how: 'a dedicated worker script, `workerType: "thread"`' },
  { name: 'poolifier', folder: 'poolifier', package: 'poolifier', how: '`FixedThreadPool` as it comes' },
  { name: 'piscina', folder: 'piscina', package: 'piscina', how: '`minThreads` and `maxThreads` alike, the rest as it comes' },
  { name: 'tinypool', folder: 'tinypool', package: 'tinypool', how: '`minThreads` and `maxThreads` alike, the rest as it comes' },
  { name: 'postMessage', folder: 'raw-1', how: 'written by hand: a queue, one task at a time with each worker' },
  { name: 'no messages', folder: 'loop', how: 'each worker loops over its share: what the machine allows', only: ['pi'] },
]

export function subjectsOf(place, benchmark) {
  return place.filter(({ only }) => !only || only.includes(benchmark))
}

function millhandExports() {
  return JSON.parse(readFileSync(new URL('../../js/package.json', import.meta.url), 'utf8')).exports
}
