import { expect, test } from '../fixtures.js'

test('idle workers end down to startAt', async ({ page }) => {
  const { most, least } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 3, idleTimeout: 100 } })
    await pool.reserve({ workersCount: 3 })
    const most = Object.keys(pool.workers$.value).length
    await until(pool.workers$, (workers) => Object.keys(workers).length === 1)
    return { most, least: await pool.run(() => 'still there') }
  })
  expect(most).toBe(3)
  expect(least).toBe('still there')
})

test('resizing ends surplus workers, busy ones with their task, and lets the pool grow', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown, until } = await import('support')
    const count = (wanted: number) => until(pool.workers$, (workers) => Object.keys(workers).length === wanted)
    const pool = new WorkersPool({ pool: { startAt: 3, stretchTo: 3 } })
    await pool.ready()
    const wait = () =>
      pool.run(({ context }) => new Promise<string>((resolve) => (context.onData = (data) => resolve(data as string))))
    const tasks = [wait(), wait()]
    await until(pool.runningTasks$, (running) => running.length === 2)
    pool.resize({ startAt: 1, stretchTo: 1 })
    const afterShrink = Object.keys(pool.workers$.value).length
    tasks.forEach((task) => task.send('done'))
    const results = await Promise.all(tasks)
    await count(1)
    pool.resize({ min: 2, max: 4 })
    await count(2)
    return { afterShrink, results, error: thrown(() => pool.resize({ startAt: 5 })) }
  })
  expect(seen.afterShrink).toBe(2)
  expect(seen.results).toEqual(['done', 'done'])
  expect(seen.error.message).toContain('`startAt` (5) is greater than `stretchTo` (4)')
})

test('who waits for more workers than a resize allows waits for those that it does', async ({ page }) => {
  const up = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 0, stretchTo: 5, installConcurrency: 1 } })
    const reserved = pool.reserve({ workersCount: 5 })
    pool.resize({ stretchTo: 2 })
    await reserved
    return Object.keys(pool.workers$.value).length
  })
  expect(up).toBe(2)
})

test('a full queue rejects, and goes on', async ({ page }) => {
  const { outcomes, later } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, maxQueue: 2 } })
    await pool.ready()
    const streams = Array.from({ length: 5 }, () => pool.schedule({ entryPoint: () => 1 }))
    const outcomes = await Promise.all(streams.map(collect))
    return {
      outcomes: outcomes.map((messages) => messages.at(-1)).map((last) => (last?.type === 'Exit' ? last.data.reason : last?.type)),
      later: await pool.run(() => 'fine'),
    }
  })
  expect(outcomes).toEqual(['Completed', 'Completed', 'Completed', 'Rejected', 'Rejected'])
  expect(later).toBe('fine')
})

test('draining finishes what is queued, takes no more, and ends the pool', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2 } })
    const ended = collect(pool.workers$)
    const tasks = Array.from({ length: 10 }, (_, i) => pool.run(({ args }) => args, i))
    const drained = pool.drain()
    const refused = await rejection(pool.run(() => 1))
    await drained
    return { results: await Promise.all(tasks), refused, last: (await ended).at(-1), idle: await new WorkersPool().drain() }
  })
  expect(seen.results).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(seen.refused).toMatchObject({ reason: 'PoolTerminated' })
  expect(seen.last).toEqual({})
})

test('a failed pool ends when it is drained, and so does one that fails while it drains', async ({ page }) => {
  const { reason, later } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const broken = () => {
      throw new Error('no licence')
    }
    const failed = new WorkersPool({ postInstallTasks: [{ entryPoint: broken }] })
    await rejection(failed.ready())
    await failed.drain()
    const failing = new WorkersPool({ postInstallTasks: [{ entryPoint: broken }] })
    const task = failing.run(() => 1)
    const drained = failing.drain()
    const { reason } = await rejection(task)
    await drained
    return { reason, later: (await rejection(failed.run(() => 1))).reason }
  })
  expect(reason).toBe('InstallFailed')
  expect(later).toBe('PoolTerminated')
})

test('ready and reserve reject when no more workers can be had, although some are up', async ({ page }) => {
  const { error, next } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({
      postInstallTasks: [
        {
          entryPoint: ({ workerId }) => {
            if (workerId !== 'w1') throw new Error('one licence only')
          },
        },
      ],
      pool: { startAt: 1, stretchTo: 3 },
    })
    await pool.ready()
    const error = await rejection(pool.reserve({ workersCount: 3 }))
    return { error, next: await pool.run(({ workerId }) => workerId) }
  })
  expect(error).toMatchObject({ code: 'install-failed', cause: { message: 'one licence only' } })
  expect(next).toBe('w1')
})

test('a broadcast reaches workers that start while the pool drains, and passes a full queue', async ({ page }) => {
  const marks = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2, maxQueue: 4 } })
    await pool.broadcast(({ workerScope }) => void (workerScope['mark'] = 7))
    const tasks = Array.from({ length: 4 }, () =>
      pool.run(async ({ context, workerScope, workerId }) => {
        await new Promise((resolve) => (context.onData = resolve))
        return [workerId, workerScope['mark']]
      }, undefined, { title: 'member' }),
    )
    // Not before two run at the same time: the second worker starts while the pool drains.
    pool.runningTasks$.subscribe((running) => {
      if (running.filter(({ title }) => title === 'member').length === 2) tasks.forEach((task) => task.send('go'))
    })
    await pool.drain()
    return Promise.all(tasks)
  })
  expect(new Set(marks.map(([worker]) => worker)).size).toBe(2)
  expect(marks.map(([, mark]) => mark)).toEqual([7, 7, 7, 7])
})

test('a pool in `await using` is drained at the end of its scope', async ({ page }) => {
  const { result, after } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool()
    const task = pool.run(() => 'done')
    await pool[Symbol.asyncDispose]()
    return { result: await task, after: await rejection(pool.run(() => 1)) }
  })
  expect(result).toBe('done')
  expect(after.reason).toBe('PoolTerminated')
})
