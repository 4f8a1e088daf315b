/**
 * The workloads, in the page or process of the subject. Each gets the subject's `open` and its parameters, and resolves with what it
 * measured: `{ [workload]: value }`, in the units of `catalog.mjs`, and `stopped` if the time for it was over before the work was
 * done. What is stopped is left as it is: the page is thrown away.
 */

import { many } from './many.mjs'
import { spin } from './tasks.mjs'

const CLOSE_MS = 2_000
const now = () => performance.now()

/** No-op tasks, all submitted at once. */
export async function noops(open, { workers, count, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'noop', count: Math.ceil(count / 5), limitMs })
  const run = await many(pool, { task: 'noop', count, limitMs })
  await closeAfter(run, pool)
  return { 'no-op tasks': rate(run), stopped: run.stopped }
}

/** No-op tasks, at most `atOnce` of them at a time. */
export async function bounded(open, { workers, count, atOnce, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'noop', count: Math.ceil(count / 5), atOnce, limitMs })
  const run = await many(pool, { task: 'noop', count, atOnce, limitMs })
  await closeAfter(run, pool)
  return { 'no-op tasks, 256 at a time': rate(run), stopped: run.stopped }
}

/** No-op tasks, while the main thread computes for `blockMs` at a time. */
export async function busyNoops(open, { workers, count, blockMs, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'noop', count: 1_000, limitMs })
  const run = await whileBusy(blockMs, () => many(pool, { task: 'noop', count, limitMs }))
  await closeAfter(run, pool)
  return { 'no-op tasks, busy main thread': rate(run), stopped: run.stopped }
}

/** How much of their time workers are at work on tasks of `taskMs`, while the main thread computes for `blockMs` at a time. */
export async function busyShare(open, { workers, taskMs, blockMs, workMs, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'spin', argument: taskMs, count: 20, limitMs })
  const count = Math.round((workers * workMs) / taskMs)
  const run = await whileBusy(blockMs, () => many(pool, { task: 'spin', argument: taskMs, count, limitMs }))
  await closeAfter(run, pool)
  // What was done in the time that there was is the share, whether or not it was all.
  return { 'workers at work, busy main thread': (100 * run.sum) / (workers * run.ms), stopped: run.done === 0 && run.stopped }
}

/** One task after another. */
export async function roundTrips(open, { workers, count }) {
  const pool = await open({ workers })
  const batch = 50
  const trips = []
  for (let trip = 0; trip < 200; trip++) await pool.call('noop')
  for (let done = 0; done < count; done += batch) {
    const start = now()
    for (let trip = 0; trip < batch; trip++) await pool.call('noop')
    trips.push(((now() - start) / batch) * 1_000)
  }
  await close(pool)
  trips.sort((a, b) => a - b)
  return { 'round trip': trips[trips.length >> 1] }
}

/** Tasks of a millisecond. */
export async function shortTasks(open, { workers, count, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'spin', argument: 1, count: 50, limitMs })
  const run = await many(pool, { task: 'spin', argument: 1, count, limitMs })
  await closeAfter(run, pool)
  return { '1 ms tasks': rate(run), stopped: run.stopped }
}

/** A buffer for each task, sixteen tasks at a time. */
export async function payloads(open, { workers, count, bytes, limitMs }) {
  const pool = await open({ workers })
  const buffer = new ArrayBuffer(bytes)
  const copied = { task: 'length', argument: buffer, atOnce: 16, limitMs }
  const moved = { ...copied, transferring: () => new ArrayBuffer(bytes) }
  const values = {}
  let stopped = false
  for (const [name, payload] of [['1 MB copied', copied], ['1 MB transferred', moved]]) {
    await many(pool, { ...payload, count: 20 })
    const run = await many(pool, { ...payload, count })
    stopped ||= run.stopped
    values[name] = rate(run)
  }
  await closeAfter({ stopped }, pool)
  return { ...values, stopped }
}

/**
 * Calls in one go, whose tasks all wait, for the workers are held meanwhile: what a call costs, by how many tasks wait already. The
 * page is thrown away after it, with all that waits.
 */
export async function burst(open, { workers, steps: [first, ...steps], limitMs }) {
  const pool = await open({ workers })
  const submit = pool.submit ?? pool.call
  await many(pool, { task: 'noop', count: 5_000, limitMs })
  const values = { [nameOfFirst(first)]: await firstCalls(pool, submit, first, workers) }
  await holdAll(submit, workers)
  await globalThis.beforeBurst?.()
  let calls = 0
  const start = now()
  for (const step of [first, ...steps]) {
    const before = calls
    const from = now()
    for (; calls < step; calls++) {
      if (calls % 1_024 === 0 && now() - start > limitMs) {
        return { ...values, stopped: `no more than ${calls} calls within ${limitMs / 1_000} s`, calls }
      }
      submit('noop')
    }
    if (step !== first) values[nameOfStep(step)] = ((now() - from) * 1_000) / (step - before)
  }
  return { ...values, calls }
}

/** The median of several short bursts, each with the queue empty before it. */
async function firstCalls(pool, submit, count, workers) {
  const costs = []
  const submitted = new Array(count)
  for (let turn = 0; turn < 9; turn++) {
    const release = await holdAll(submit, workers)
    const start = now()
    for (let call = 0; call < count; call++) submitted[call] = submit('noop')
    costs.push(((now() - start) * 1_000) / count)
    release()
    await Promise.all(pool.settled ? submitted.map(pool.settled) : submitted)
  }
  costs.sort((a, b) => a - b)
  return costs[costs.length >> 1]
}

/** Resolves when each worker is held, with the function that releases them. */
async function holdAll(submit, workers) {
  const shared = new SharedArrayBuffer(8)
  const numbers = new Int32Array(shared)
  for (let worker = 0; worker < workers; worker++) submit('hold', shared)
  await until(() => numbers[0] === workers)
  return () => {
    Atomics.store(numbers, 1, 1)
    Atomics.notify(numbers, 1)
  }
}

function nameOfFirst(step) {
  return `a call, the first ${step.toLocaleString('en')}`
}

function nameOfStep(step) {
  return `a call, up to ${step.toLocaleString('en')} waiting`
}

/** A job of equal parts, against the same parts in the one worker that there is. */
export async function piJob(open, { workers, count, points, limitMs }) {
  const { open: openLoop } = await globalThis.loadLoop()
  const alone = await openLoop({ workers: 1 })
  await many(alone, { task: 'pi', argument: points, count: Math.ceil(count / 10), limitMs })
  const one = await many(alone, { task: 'pi', argument: points, count: Math.ceil(count / workers / 2), limitMs })
  await close(alone)
  const pool = await open({ workers })
  await many(pool, { task: 'pi', argument: points, count: Math.ceil(count / 10), limitMs })
  const run = await many(pool, { task: 'pi', argument: points, count, limitMs })
  await closeAfter(run, pool)
  return { 'π job': rate(run) / (workers * rate(one)), stopped: run.stopped }
}

/** From nothing to `workers` workers, each of which has done a task. */
export async function boots(open, { sizes }) {
  await boot(open, 1)
  const values = {}
  for (const workers of sizes) values[`${workers} ${workers === 1 ? 'worker' : 'workers'} ready`] = await boot(open, workers)
  return values
}

async function boot(open, workers) {
  const shared = new SharedArrayBuffer(4)
  const start = now()
  const pool = await open({ workers })
  await Promise.all(Array.from({ length: workers }, () => pool.call('meet', { shared, count: workers })))
  const ms = now() - start
  await close(pool)
  return ms
}

/** No-op tasks, under the eyes of the browser's tracer: it tells how long the main thread was at it. */
export async function traced(open, { workers, count, limitMs }) {
  const pool = await open({ workers })
  await many(pool, { task: 'noop', count: Math.ceil(count / 5), limitMs })
  await globalThis.beginTrace()
  performance.mark('bench-submit')
  const running = many(pool, { task: 'noop', count, limitMs })
  await new Promise((resolve) => setTimeout(resolve))
  performance.mark('bench-submitted')
  const run = await running
  performance.mark('bench-end')
  const { totalMs, longestMs } = await globalThis.endTrace()
  await closeAfter(run, pool)
  if (run.done === 0) return run
  return {
    'main thread, for each no-op task': (totalMs * 1_000) / run.done,
    'main thread, longest task': longestMs,
    stopped: run.stopped,
  }
}

function rate({ done, ms }) {
  return (done * 1_000) / ms
}

async function closeAfter(run, pool) {
  if (!run.stopped) await close(pool)
}

/** What was measured is not lost to a pool whose end hangs. */
function close(pool) {
  return Promise.race([pool.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))])
}

/** Computes for `blockMs` at a time until `work` is done; between two blocks the event loop turns until a timeout of zero is due. */
async function whileBusy(blockMs, work) {
  let isOver = false
  const block = () => {
    if (isOver) return
    spin(blockMs)
    setTimeout(block)
  }
  setTimeout(block)
  try {
    return await work()
  } finally {
    isOver = true
  }
}

function until(condition) {
  return new Promise((resolve) => {
    const look = () => (condition() ? resolve() : setTimeout(look, 1))
    look()
  })
}
