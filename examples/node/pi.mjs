/** π by NumPy on all cores, in Node. `--overlay FOLDER` takes wheels from a folder rather than from Pyodide's CDN. */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { configureInstall, WorkersPool } from 'millhand'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000' },
    samples: { type: 'string', default: '100000' },
    overlay: { type: 'string', multiple: true, default: [] },
  },
})
const tasks = Number(values.tasks)
configureInstall({ overlay: values.overlay })

const pool = new WorkersPool({
  install: { pyodide: ['numpy'] },
  pool: { startAt: 1, stretchTo: availableParallelism() },
})

/** Runs in a worker. */
const approximate = ({ args, workerScope }) => {
  const { pyodide } = workerScope
  pyodide.registerJsModule('jsModule', { count: args.count })
  return pyodide.runPython(`
    import numpy as np
    from jsModule import count
    data = np.random.uniform(-0.5, 0.5, size=(count, 2))
    len(np.argwhere(np.linalg.norm(data, axis=1) < 0.5)) / count * 4`)
}

await pool.ready()
const start = performance.now()
const workers = new Set()
let [failed, sum] = [0, 0]
const runs = Array.from({ length: tasks }, () => pool.run(approximate, { count: Number(values.samples) }, { title: 'PI approx.' }))
await Promise.all(runs.map(async (task) => {
  task.message$.subscribe(({ type, data }) => type === 'Start' && workers.add(data.workerId))
  try {
    const pi = await task
    sum += pi
  } catch (error) {
    failed += 1
    console.error(error.message)
  }
}))
const seconds = (performance.now() - start) / 1_000
const mean = sum / (tasks - failed)
console.log(
  `pi: tasks=${tasks} failed=${failed} workers=${workers.size} pi=${mean.toFixed(6)} ` +
    `seconds=${seconds.toFixed(2)} tasks_per_s=${(tasks / seconds).toFixed(1)}`,
)
await pool.drain()
process.exitCode = failed === 0 ? 0 : 1
