/** What has to hold in every browser, as functions of a page: each makes pools, and throws if something is otherwise. */

import { WorkersPool } from '/millhand/index.js'
import { collect, estimatePi, rejection, until } from '../pages/support.js'

const ONE_WORKER = { startAt: 1, stretchTo: 1 }
/** A grace that no task uses up: what ends sooner has ended by itself. */
const LONG_MS = 60_000
/** A thread that lives on so long after its pool will not end. */
const OUTLIVED_MS = 20_000
/** The message of an error that nobody is to handle: browsers tell the page's window of it, besides the pool. */
const ON_PURPOSE = 'thrown on purpose'

/**
 * By name. `pool` makes a pool that is terminated afterwards. A scenario that gives a text was skipped, for that reason.
 */
const SCENARIOS = {
  '200 π tasks by NumPy, on a pool that stretches to 3': async (pool) => {
    const workers = pool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 3 } })
    const tasks = Array.from({ length: 200 }, () => workers.run(estimatePi, { count: 100_000 }))
    const pis = await Promise.all(tasks)
    const mean = pis.reduce((sum, pi) => sum + pi, 0) / pis.length
    same('the mean is within 0.005 of π', Math.abs(mean - Math.PI) < 0.005, true, mean)
    same('workers', workers.startedWorkers$.value.length, 3)
    same('completed', workers.stats$.value.exits.Completed, 200)
  },

  'NumPy workers boot from an image that this browser made, and draw different random numbers': async (pool) => {
    const starts = []
    const next = (event) => void (event.step === 'PythonStarting' && starts.push(event.from))
    const sizes = { startAt: 2, stretchTo: 2 }
    const workers = pool({ install: { pyodide: { modules: ['numpy'], image: 'wait' } }, pool: sizes, cdnEvent$: { next } })
    await workers.ready()
    const draws = await Promise.all(
      Object.keys(workers.workers$.value).map((targetWorkerId) =>
        workers.python('import numpy, random\n[random.random(), numpy.random.random()]', {}, { targetWorkerId }),
      ),
    )
    same('boots', starts, ['image', 'image'])
    same('different draws', new Set(draws.flat()).size, 4)
  },

  'a worker that closes itself in a task loses that task alone': async (pool) => {
    const workers = pool({ pool: ONE_WORKER })
    const dying = workers.run(closeItself)
    const queued = [1, 2, 3].map((n) => workers.run(({ args }) => args * 10, n))
    same('reason', (await rejection(dying)).reason, 'WorkerLost')
    same('queued tasks', await Promise.all(queued), [10, 20, 30])
    same('next worker', await workers.run(whichWorker), 'w2')
  },

  'a worker that closes itself while it is idle is noticed, and replaced for the next task': async (pool) => {
    const workers = pool({ pool: ONE_WORKER })
    await workers.run(() => void setTimeout(() => self.close()))
    await until(workers.startedWorkers$, (started) => !started.includes('w1'))
    same('next worker', await workers.run(whichWorker), 'w2')
  },

  'an uncaught error ends its worker and its task': async (pool) => {
    const workers = pool({ pool: ONE_WORKER })
    const { reason, message } = await rejection(
      workers.run(({ args }) => {
        setTimeout(() => {
          throw new Error(args)
        })
        return new Promise(() => {})
      }, ON_PURPOSE),
    )
    same('reason', reason, 'WorkerLost')
    same('the error is named', message.includes(ON_PURPOSE), true, message)
    same('next worker', await workers.run(whichWorker), 'w2')
  },

  'an unhandled rejection leaves its worker and its task as they were': async (pool) => {
    const workers = pool({ pool: ONE_WORKER })
    const heard = await workers.run(({ args }) => {
      void Promise.reject(new Error(args))
      return new Promise((resolve) => self.addEventListener('unhandledrejection', ({ reason }) => resolve(reason.message)))
    }, ON_PURPOSE)
    same('heard in the worker', heard, ON_PURPOSE)
    same('next worker', await workers.run(whichWorker), 'w1')
  },

  'a JavaScript loop without end is cancelled by ending its worker': async (pool) => {
    const workers = pool({ pool: { ...ONE_WORKER, cancelGrace: 50 } })
    const loop = workers.run(loopForEver)
    const next = workers.run(whichWorker)
    await firstLog(loop)
    loop.cancel('enough')
    const { reason, cause } = await rejection(loop)
    same('exit', { reason, cause }, { reason: 'Cancelled', cause: 'enough' })
    same('next worker', await next, 'w2')
  },

  'a task that waits is cancelled at once': async (pool) => {
    const workers = pool({ pool: ONE_WORKER })
    const blocker = workers.run(({ context }) => new Promise((resolve) => (context.onData = resolve)))
    await until(workers.runningTasks$, (running) => running.length === 1)
    const waiting = workers.run(() => 'ran')
    const order = []
    waiting.message$.subscribe(({ type }) => order.push(type))
    waiting.cancel()
    order.push('cancel returned')
    const { reason, cause } = await rejection(waiting)
    blocker.send('done')
    same('exit', { reason, cause: cause.name }, { reason: 'Cancelled', cause: 'AbortError' })
    same('order', order, ['Exit', 'cancel returned'])
    same('the task that ran', await blocker, 'done')
  },

  'a task that listens to its signal ends by itself, and keeps its worker': async (pool) => {
    const workers = pool({ pool: { ...ONE_WORKER, cancelGrace: LONG_MS } })
    const task = workers.run(untilAborted)
    await firstLog(task)
    task.cancel(new Error('changed my mind'))
    const { reason, cause } = await rejection(task)
    same('exit', { reason, cause: cause.message }, { reason: 'Cancelled', cause: 'changed my mind' })
    same('heard', await lastLog(task), 'heard: changed my mind')
    same('next worker', await workers.run(whichWorker), 'w1')
  },

  'a Python loop is cancelled by KeyboardInterrupt, and keeps its worker': async (pool) => {
    if (!crossOriginIsolated) return 'the page is not cross-origin isolated'
    const workers = pool({ install: { pyodide: [] }, pool: { ...ONE_WORKER, cancelGrace: LONG_MS } })
    const loop = workers.python(PYTHON_LOOP)
    await firstLog(loop)
    loop.cancel('enough')
    const { reason, cause } = await rejection(loop)
    same('exit', { reason, cause }, { reason: 'Cancelled', cause: 'enough' })
    same('heard', await lastLog(loop), 'heard: KeyboardInterrupt')
    same('next worker', await workers.run(whichWorker), 'w1')
    same('Python goes on', await workers.python('1 + 1'), 2)
  },

  'a Python loop in a page that shares no memory is cancelled by ending its worker': async (pool) => {
    // The host asks this, and this only.
    Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false })
    const workers = pool({ install: { pyodide: [] }, pool: { ...ONE_WORKER, cancelGrace: 50 } })
    const loop = workers.python('print("in")\nwhile True: pass')
    // Cancelled before that, it would end before it begins.
    await firstLog(loop)
    loop.cancel()
    same('reason', (await rejection(loop)).reason, 'Cancelled')
    same('next worker', await workers.run(whichWorker), 'w2')
    same('Python goes on', await workers.python('1 + 1'), 2)
  },

  'a page that is isolated, and has no SharedArrayBuffer all the same, has pools': async (pool) => {
    // So it is in WebKitGTK.
    Object.defineProperty(globalThis, 'crossOriginIsolated', { value: true })
    delete globalThis.SharedArrayBuffer
    same('result', await pool({ pool: ONE_WORKER }).run(() => 'ran'), 'ran')
  },

  'a task that runs for too long times out, whether it listens or not': async (pool) => {
    const patient = pool({ pool: { ...ONE_WORKER, cancelGrace: LONG_MS } })
    const listening = patient.run(untilAborted, undefined, { timeout: 50 })
    const polite = await rejection(listening)
    same('exit', [polite.reason, polite.code], ['TimedOut', 'timed-out'])
    same('heard', await lastLog(listening), 'heard: the task ran for too long')
    same('next worker', await patient.run(whichWorker), 'w1')

    const strict = pool({ pool: { ...ONE_WORKER, cancelGrace: 50 } })
    const loop = await rejection(strict.run(loopForEver, undefined, { timeout: 50 }))
    same('exit of the loop', loop.reason, 'TimedOut')
    same('next worker after the loop', await strict.run(whichWorker), 'w2')
  },

  'terminating ends running and queued tasks, each once': async (pool) => {
    const workers = pool({ pool: { startAt: 2, stretchTo: 2 } })
    await workers.ready()
    const loop = workers.run(loopForEver)
    const waits = Array.from({ length: 5 }, () => workers.run(() => new Promise(() => {})))
    await firstLog(loop)
    await until(workers.runningTasks$, (running) => running.length === 2)
    workers.terminate()
    const said = await Promise.all([loop, ...waits].map(({ message$ }) => collect(message$)))
    const exits = said.map((messages) => messages.flatMap(({ type, data }) => (type === 'Exit' ? [data.reason] : [])))
    same('exits', exits, Array(6).fill(['PoolTerminated']))
    const starts = said.map((messages) => messages.filter(({ type }) => type === 'Start').length)
    same('starts', starts, [1, 1, 0, 0, 0, 0])
    same('the next task', (await rejection(workers.run(() => 1))).reason, 'PoolTerminated')
  },

  'a script that is not there fails the pool by name': async (pool) => {
    const OfThePage = globalThis.Worker
    // Only the url differs: the request, its answer (404) and what the browser makes of it are real.
    globalThis.Worker = function (url, options) {
      return new OfThePage(new URL('no-such-script.js', url), options)
    }
    const workers = pool()
    const task = rejection(workers.run(() => 1))
    const { code, message } = await rejection(workers.ready())
    same('code', code, 'install-failed')
    same('the script is named', /`.*worker\.js` could not be loaded/.test(message), true, message)
    same('its task', (await task).reason, 'InstallFailed')
  },
}

export const names = Object.keys(SCENARIOS)

/** How a scenario went, and for how long. An error that nobody handled is a failure, too, and so is a worker that lives on. */
export async function run(name) {
  const pools = []
  const unhandled = []
  addEventListener('error', (event) => unhandled.push(event.message ?? 'an error event'))
  addEventListener('unhandledrejection', ({ reason }) => unhandled.push(reason))
  const start = performance.now()
  const outcome = await outcomeOf(SCENARIOS[name], (input) => {
    const made = new WorkersPool(input)
    pools.push(made)
    return made
  })
  const ms = Math.round(performance.now() - start)
  pools.forEach((pool) => pool.terminate())
  if (!(await allWorkersEnd())) outcome.failure ??= `a worker outlives its pool by ${OUTLIVED_MS / 1_000} s`
  const surprising = unhandled.map(String).filter((message) => !message.includes(ON_PURPOSE))
  if (surprising.length > 0) outcome.failure ??= `nobody handled: ${surprising.join('; ')}`
  return { ...outcome, ms }
}

async function outcomeOf(scenario, pool) {
  try {
    return { skipped: await scenario(pool) }
  } catch (error) {
    return { failure: String(error) }
  }
}

/** Whether the threads themselves end: each holds a lock as long as it lives. */
async function allWorkersEnd() {
  const { held } = await navigator.locks.query()
  const signal = AbortSignal.timeout(OUTLIVED_MS)
  const ends = held.map(({ name }) => navigator.locks.request(name, { signal }, () => undefined))
  return Promise.all(ends).then(
    () => true,
    () => false,
  )
}

/** @param shown what the message shows in place of `actual`, if that says little. */
function same(what, actual, wanted, shown = actual) {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(shown)}, and not ${JSON.stringify(wanted)}`)
  }
}

function firstLog(task) {
  return until(task.message$, ({ type }) => type === 'Log')
}

/** Of a task that has ended. */
async function lastLog(task) {
  const messages = await collect(task.message$)
  return messages.filter(({ type }) => type === 'Log').at(-1)?.data.text
}

// Entry points: they run in a worker.

const whichWorker = ({ workerId }) => workerId

function closeItself() {
  self.close()
  return new Promise(() => {})
}

function loopForEver({ context }) {
  context.info('looping')
  for (;;);
}

function untilAborted({ context }) {
  return new Promise((_, reject) => {
    context.signal.onabort = () => {
      context.info(`heard: ${context.signal.reason.message}`)
      reject(context.signal.reason)
    }
    context.info('listening')
  })
}

const PYTHON_LOOP = `
try:
    print("looping")
    while True: pass
except BaseException as exception:
    print("heard:", type(exception).__name__)
    raise
`
