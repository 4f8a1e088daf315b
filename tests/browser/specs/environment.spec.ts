import type { CdnEvent, WorkerScope } from 'millhand'
import { expect, test } from '../fixtures.js'

test('globals, values and functions, are in each worker', async ({ page }) => {
  const results = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({
      globals: {
        scale: 2,
        table: new Map([['a', { deep: [1, 2] }]]),
        twice: (x: number) => 2 * x,
        async later(x: number) {
          return x + 1
        },
        viaGlobal: (x: number) => (globalThis as unknown as { scale: number }).scale * x,
      },
      pool: { startAt: 2, stretchTo: 2 },
    })
    await pool.ready()
    const entryPoint = async ({ workerScope: scope }: { workerScope: WorkerScope }) => [
      scope['scale'],
      scope['table'].get('a').deep,
      scope['twice'](21),
      await scope['later'](1),
      scope['viaGlobal'](5),
    ]
    const on = (targetWorkerId: string) => pool.run(entryPoint, undefined, { targetWorkerId })
    return Promise.all([on('w1'), on('w2')])
  })
  expect(results).toEqual(Array(2).fill([2, [1, 2], 42, 2, 10]))
})

test('post-install tasks run in order, in each worker, after the globals and before any task', async ({ page }) => {
  const { steps, results } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const steps: string[] = []
    const cdnEvent$ = {
      next: (event: CdnEvent) => {
        if (event.workerId === 'w1') steps.push(event.step === 'PostInstallTask' ? event.title : event.step)
      },
    }
    const pool = new WorkersPool({
      globals: { base: 10 },
      postInstallTasks: [
        { title: 'first', entryPoint: async ({ workerScope }) => (workerScope['sum'] = workerScope['base']) },
        { title: 'second', entryPoint: ({ args, workerScope }) => (workerScope['sum'] += args as number), args: 5 },
      ],
      pool: { startAt: 2, stretchTo: 2 },
      cdnEvent$,
    })
    const sum = ({ workerScope }: { workerScope: WorkerScope }) => workerScope['sum']
    const results = await Promise.all([pool.run(sum), pool.run(sum)])
    return { steps, results }
  })
  expect(results).toEqual([15, 15])
  expect(steps).toEqual(['WorkerBooted', 'first', 'second', 'WorkerReady'])
})

test('a post-install task that throws fails the pool at once, with its error', async ({ page }) => {
  const { error, workers } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({
      postInstallTasks: [
        {
          entryPoint: () => {
            throw new RangeError('no licence')
          },
        },
      ],
    })
    const started: string[] = []
    pool.startedWorkers$.subscribe((ids) => started.push(...ids))
    return { error: await rejection(pool.ready()), workers: new Set(started).size }
  })
  expect(error).toMatchObject({ code: 'install-failed', cause: { name: 'RangeError', message: 'no licence' } })
  expect(workers).toBeLessThanOrEqual(1)
})

test('functions of every form can be entry points', async ({ page }) => {
  const results = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool()
    type Input = { args: number }
    const tasks = {
      method({ args }: Input) {
        return args + 1
      },
      async asyncMethod({ args }: Input) {
        return args + 2
      },
      arrow: ({ args }: Input) => args + 3,
      bare: function ({ args }: Input) {
        return args + 4
      },
      named: function plus({ args }: Input): number {
        return args === 0 ? 5 : plus({ args: args - 1 }) + 1
      },
    }
    return Promise.all(Object.values(tasks).map((task) => pool.run(task, 10)))
  })
  expect(results).toEqual([11, 12, 13, 14, 15])
})

test('a pool grows with its queue, runs in parallel, and shares the work', async ({ page }) => {
  const { workers, most } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 3, installConcurrency: 3 } })
    let most = 0
    pool.runningTasks$.subscribe((tasks) => (most = Math.max(most, tasks.length)))
    const rendezvous = Array.from({ length: 3 }, () =>
      pool.run(({ context, workerId }) => new Promise<string>((resolve) => (context.onData = () => resolve(workerId)))),
    )
    // Each waits until all three run: only a pool of three gets there.
    pool.runningTasks$.subscribe((tasks) => tasks.length === 3 && rendezvous.forEach((task) => task.send('go')))
    return { workers: new Set(await Promise.all(rendezvous)).size, most }
  })
  expect(workers).toBe(3)
  expect(most).toBe(3)
})

test('reserve starts workers ahead of work', async ({ page }) => {
  const counts = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 3 } })
    await pool.ready()
    const before = Object.keys(pool.workers$.value).length
    await pool.reserve({ workersCount: 3 })
    return [before, Object.keys(pool.workers$.value).length]
  })
  expect(counts).toEqual([0, 3])
})

test('priorities go first among queued tasks', async ({ page }) => {
  const order = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const order: string[] = []
    const streams = [0, 5, 0, -1, 5].map((priority, index) => {
      const title = `${index}:${priority}`
      const message$ = pool.schedule({ title, entryPoint: () => 1, priority })
      message$.subscribe(({ type }) => type === 'Start' && order.push(title))
      return collect(message$)
    })
    await Promise.all(streams)
    return order
  })
  expect(order).toEqual(['1:5', '4:5', '0:0', '2:0', '3:-1'])
})

test('two pools in one page do not know each other', async ({ page }) => {
  const results = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pools = [1, 2].map((mark) => new WorkersPool({ globals: { mark }, pool: { startAt: 1, stretchTo: 1 } }))
    const read = (pool: (typeof pools)[number]) => pool.run(({ workerScope }) => workerScope['mark'])
    const results = await Promise.all(pools.map(read))
    pools[0]?.terminate()
    return [...results, await read(pools[1] ?? pools[0]!)]
  })
  expect(results).toEqual([1, 2, 2])
})

test('the workers pool module is also had by its name in notebooks', async ({ page }) => {
  const same = await page.evaluate(async () => {
    const millhand = await import('millhand')
    return (await millhand.installWorkersPoolModule()).WorkersPool === millhand.WorkersPool
  })
  expect(same).toBe(true)
})
