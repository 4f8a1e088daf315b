import { expect, test, withoutIsolation } from '../fixtures.js'

const RUNS = 15
const GRACE_MS = 100

/** How long a task takes from `cancel` to its `Exit`, in milliseconds: median, least, most. */
test('cancel latency', async ({ page }) => {
  const isolated = await page.evaluate(measure, [RUNS, GRACE_MS] as const)
  await withoutIsolation(page)
  const plain = await page.evaluate(measure, [RUNS, GRACE_MS] as const)
  console.log(`cancel latency in ms, grace ${GRACE_MS} ms, ${RUNS} runs: median (least to most)`)
  for (const [page, rows] of Object.entries({ isolated, plain })) {
    for (const [kind, times] of Object.entries(rows)) {
      const sorted = [...times].sort((a, b) => a - b)
      const [least = 0, median = 0, most = 0] = [0, RUNS >> 1, RUNS - 1].map((index) => sorted[index])
      console.log(`  ${page.padEnd(8)} ${kind.padEnd(28)} ${median.toFixed(1)} (${least.toFixed(1)} to ${most.toFixed(1)})`)
      expect(sorted).toHaveLength(RUNS)
    }
  }
})

async function measure([runs, grace]: readonly [number, number]): Promise<Record<string, number[]>> {
  const { WorkersPool } = await import('millhand')
  const { until } = await import('support')
  const latencies = async (
    make: () => { cancel: () => void; message$: import('rxjs').Observable<import('millhand').Message> },
    running: boolean,
  ) => {
    const times: number[] = []
    for (let run = 0; run < runs; run++) {
      const task = make()
      // A task that runs says so.
      if (running) await until(task.message$, ({ type }) => type === 'Log')
      const start = performance.now()
      task.cancel()
      await until(task.message$, ({ type }) => type === 'Exit')
      times.push(performance.now() - start)
    }
    return times
  }
  const plain = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, cancelGrace: grace } })
  await plain.ready()
  const rows: Record<string, number[]> = {}
  const blocker = plain.run(({ context }) => new Promise((resolve) => (context.onData = resolve)))
  await until(plain.runningTasks$, (tasks) => tasks.length === 1)
  rows['queued'] = await latencies(() => plain.run(() => 1), false)
  blocker.send('go')
  await blocker
  rows['JavaScript, cooperative'] = await latencies(
    () =>
      plain.run(({ context }) => {
        context.info('running')
        return new Promise((_, reject) => (context.signal.onabort = () => reject(new Error('stopped'))))
      }),
    true,
  )
  rows['JavaScript, endless loop'] = await latencies(
    () =>
      plain.run(({ context }) => {
        context.info('running')
        for (;;);
      }),
    true,
  )
  plain.terminate()
  const python = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, spares: 1, cancelGrace: grace } })
  await python.ready()
  rows['Python, endless loop'] = await latencies(
    () =>
      python.run(({ context, workerScope }) => {
        context.info('running')
        workerScope['pyodide'].runPython('while True: pass')
      }),
    true,
  )
  python.terminate()
  return rows
}
