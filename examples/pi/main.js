import { WorkersPool } from '/millhand/index.js'

const TASKS = 1_000
const SAMPLES = 100_000

const pool = new WorkersPool({
  install: { pyodide: ['numpy'] },
  pool: { startAt: 1, stretchTo: 10 },
})

/** Runs in a worker. */
const entryPoint = ({ args, workerScope }) => {
  const { pyodide } = workerScope
  pyodide.registerJsModule('jsModule', { count: args.count })
  return pyodide.runPython(`
    import numpy as np
    from jsModule import count
    data = np.random.uniform(-0.5, 0.5, size=(count, 2))
    len(np.argwhere(np.linalg.norm(data, axis=1) < 0.5)) / count * 4`)
}

const byId = (id) => document.getElementById(id)

showInstall()
showWorkers()
byId('start').onclick = run
byId('terminate').onclick = () => pool.terminate()

try {
  await pool.ready()
  enter('ready', 'The first worker is ready.')
  byId('start').disabled = byId('terminate').disabled = false
  if (new URLSearchParams(location.search).get('run') === 'all') run()
} catch (error) {
  fail(error)
}

/** Schedules all tasks at once, and follows them. */
function run() {
  byId('start').disabled = true
  enter('running', 'Running…')
  const start = performance.now()
  const outcome = { tasks: TASKS, done: 0, failed: 0, sum: 0 }
  for (let i = 0; i < TASKS; i++) {
    pool.schedule({ title: 'PI approx.', entryPoint, args: { count: SAMPLES } }).subscribe(({ type, data }) => {
      if (type !== 'Exit') return
      outcome.done += 1
      if (data.error) {
        outcome.failed += 1
        showError(data.result)
        tell({ kind: 'task-failure', message: data.result.message })
      } else {
        outcome.sum += data.result
      }
      show(outcome, (performance.now() - start) / 1_000)
    })
  }
}

function show({ tasks, done, failed, sum }, seconds) {
  const pi = sum / (done - failed)
  const workers = Object.keys(pool.workers$.value).length
  byId('progress').value = done
  byId('done').textContent = done.toLocaleString()
  byId('average').textContent = pi.toFixed(6)
  byId('rate').textContent = (done / seconds).toFixed(1)
  tell({ kind: 'progress', tasks, done, failed, workers, pi, seconds })
  if (done < tasks) return
  byId('start').disabled = false
  enter(failed ? 'failed' : 'done', `Done in ${seconds.toFixed(1)} seconds.`)
  tell({ kind: 'end', tasks, failed, workers, pi, seconds })
}

function showInstall() {
  const files = new Map()
  pool.cdnEvent$.subscribe((event) => {
    if (event.step === 'FileProgress') {
      files.set(event.name, event)
      const [bytes, total] = [...files.values()].reduce(([b, t], file) => [b + file.bytes, t + file.total], [0, 0])
      byId('step').textContent = `Fetching the environment: ${toMegabytes(bytes)} of ${toMegabytes(total)} MB`
    } else if (event.workerId && document.body.dataset.state === 'loading') {
      byId('step').textContent = `Worker ${event.workerId}: ${event.step}`
    }
    if (event.step !== 'FileProgress') tell({ kind: 'install', ...event })
  })
}

function showWorkers() {
  const draw = () => {
    const busy = new Set(pool.busyWorkers$.value)
    const ready = pool.workers$.value
    byId('count').textContent = Object.keys(ready).length
    byId('workers').replaceChildren(
      ...pool.startedWorkers$.value.map((id) => {
        const item = document.createElement('li')
        item.className = 'worker'
        item.dataset.state = busy.has(id) ? 'busy' : id in ready ? 'idle' : 'starting'
        item.textContent = `${id} ${item.dataset.state}`
        return item
      }),
    )
  }
  // At most once a frame, however fast the workers are.
  let due = false
  pool.stats$.subscribe(() => {
    if (due) return
    due = true
    requestAnimationFrame(() => {
      due = false
      draw()
    })
  })
}

/** There will be no workers. */
function fail(error) {
  showError(error)
  enter('failed', 'The environment cannot be had.')
  tell({ kind: 'failure', message: error.message })
}

function showError(error) {
  byId('error').textContent = error.message
}

function enter(state, text) {
  document.body.dataset.state = state
  byId('step').textContent = text
}

/** For whoever drives the page from outside. */
function tell(detail) {
  window.dispatchEvent(new CustomEvent('pi', { detail }))
}

function toMegabytes(bytes) {
  return (bytes / 1e6).toFixed(1)
}
