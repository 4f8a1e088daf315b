/** What a pool tells of its past: a file in the trace event format, and entries of the page's own timeline. */

import { expect, test } from '../fixtures.js'
import { problemsOf } from '../trace-format.js'

test('a trace has a track per worker, and every task with its wait and its end', async ({ page }) => {
  const { json, during } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ globals: { three: 3 }, pool: { startAt: 2, stretchTo: 2, cancelGrace: 100 } })
    await pool.ready()
    const many = Array.from({ length: 20 }, (_, index) => pool.run(({ args }) => args, index, { title: `many ${index}` }))
    await Promise.all(many)
    const settled: PromiseLike<unknown>[] = []
    const failing = pool.run(() => { throw new Error('no') }, null, { title: 'fails' })
    settled.push(failing.then(null, () => undefined))
    const dying = pool.run(({ context }) => { context.info('at it'); setTimeout(() => { throw new Error('dies') }); return new Promise(() => {}) }, null, { title: 'dies' })
    settled.push(dying.then(null, () => undefined))
    await Promise.all(settled)
    await pool.reserve({ workersCount: 2 })
    const wait = ({ context }: { context: { signal: AbortSignal } }) => new Promise((end) => context.signal.addEventListener('abort', end))
    const stuck = [0, 1].map((index) => pool.run(wait as never, null, { title: `stuck ${index}` }))
    const waiting = pool.run(() => 1, null, { title: 'waits' })
    const dropped = pool.run(() => 1, null, { title: 'dropped' })
    dropped.cancel()
    await dropped.then(null, () => undefined)
    const during = JSON.stringify(pool.trace())
    for (const task of stuck) task.cancel()
    await Promise.allSettled([...stuck, waiting].map((task) => task.then(null, () => undefined)))
    await pool.drain()
    return { during, json: JSON.stringify(pool.trace()) }
  })
  for (const text of [during, json]) expect(problemsOf(text)).toEqual([])
  const { traceEvents } = JSON.parse(json) as { traceEvents: { ph: string; name: string; tid: number; args: Record<string, unknown> }[] }
  const named = (name: string, ph = 'X') => traceEvents.filter((event) => event.name === name && event.ph === ph)
  const tracks = named('thread_name', 'M').map(({ args }) => args['name'])
  expect(tracks).toEqual(expect.arrayContaining(['page', 'worker w1', 'worker w2', 'worker w3']))
  expect(named('boot').length).toBe(tracks.length - 1)
  expect(named('install').length).toBe(tracks.length - 1)
  expect(named('many 7')).toMatchObject([{ args: { reason: 'Completed', queued_ms: expect.any(Number) } }])
  expect(new Set(traceEvents.filter(({ name }) => name.startsWith('many')).map(({ tid }) => tid)).size).toBe(2)
  expect(named('fails')).toMatchObject([{ args: { reason: 'Threw' } }])
  expect(named('dies')).toMatchObject([{ args: { reason: 'WorkerLost' } }])
  expect(named('dies', 'i')).toEqual([])
  expect(named('stuck 0')).toMatchObject([{ args: { reason: 'Cancelled' } }])
  expect(named('dropped', 'i')).toMatchObject([{ args: { reason: 'Cancelled' } }])
  expect(named('tasks that wait', 'C').at(-1)?.args).toEqual({ waiting: 0 })
  const open = JSON.parse(during) as { traceEvents: typeof traceEvents }
  expect(open.traceEvents.filter(({ name }) => name.startsWith('stuck'))).toMatchObject([{ ph: 'X', args: { reason: 'Open' } }, { args: { reason: 'Open' } }])
  expect(open.traceEvents.filter(({ ph }) => ph === 'C').at(-1)?.args).toEqual({ waiting: 1 })
})

test('a task whose worker dies is in the trace twice if it is retried', async ({ page }) => {
  const json = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { stretchTo: 1 } })
    const flag = new BroadcastChannel('tries')
    let tries = 0
    flag.onmessage = ({ data }) => {
      tries += 1
      flag.postMessage({ to: data as unknown, first: tries === 1 })
    }
    const result = await pool.run(() => new Promise((resolve) => {
      const channel = new BroadcastChannel('tries')
      channel.onmessage = ({ data }) => {
        if ((data as { first: boolean }).first) setTimeout(() => { throw new Error('dies') })
        else resolve('second')
      }
      channel.postMessage('begun')
    }), null, { title: 'again', retries: 1 })
    await pool.drain()
    return JSON.stringify({ result, trace: pool.trace() })
  })
  const { result, trace } = JSON.parse(json) as { result: string; trace: { traceEvents: { name: string; args: Record<string, unknown> }[] } }
  expect(result).toBe('second')
  expect(problemsOf(JSON.stringify(trace))).toEqual([])
  expect(trace.traceEvents.filter(({ name }) => name === 'again').map(({ args }) => args['reason'])).toEqual(['Retried', 'Completed'])
})

test('a trace knows the last tasks up to its bound, and none if it is zero', async ({ page }) => {
  const names = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const of = async (maxTasks: number): Promise<string[]> => {
      const pool = new WorkersPool({ trace: { maxTasks }, pool: { stretchTo: 1 } })
      for (let index = 0; index < 12; index += 1) await pool.run(() => 1, null, { title: `task ${index}` })
      await pool.drain()
      return pool.trace().traceEvents.flatMap(({ name, cat }) => (cat === 'task' && name.startsWith('task ') && !name.includes('wait') ? [name] : []))
    }
    return [await of(5), await of(0)]
  })
  expect(names).toEqual([['task 7', 'task 8', 'task 9', 'task 10', 'task 11'], []])
})

test('tasks are entries of the page’s timeline if that is wanted, within a bound', async ({ page, browser }) => {
  await browser.startTracing(page, { categories: ['blink.user_timing'] })
  const { without, counts, entry } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const measures = (): PerformanceMeasure[] => performance.getEntriesByType('measure') as PerformanceMeasure[]
    performance.measure('of the page', { start: 0, end: 1 })
    const quiet = new WorkersPool({ pool: { stretchTo: 1 } })
    await quiet.run(() => 1)
    await quiet.drain()
    const without = measures().length
    const pool = new WorkersPool({ trace: { devTools: true }, pool: { stretchTo: 2 } })
    await pool.run(() => 1, null, { title: 'of the page' })
    const { name, duration, detail } = measures().find(({ name }) => name.endsWith('of the page') && name.length > 11) ?? {}
    const most: number[] = []
    for (let turn = 0; turn < 25; turn += 1) {
      await Promise.all(Array.from({ length: 100 }, () => pool.run(() => 1)))
      most.push(measures().length)
    }
    await pool.drain()
    const own = measures().filter(({ name }) => name === 'of the page').length
    return { without, counts: { most: Math.max(...most), own }, entry: { name, duration, detail: detail as unknown } }
  })
  const trace = (await browser.stopTracing()).toString()
  expect(without).toBe(1)
  expect(counts.own).toBe(1)
  expect(counts.most).toBeLessThanOrEqual(1_001)
  expect(counts.most).toBeGreaterThan(500)
  expect(entry.duration).toBeGreaterThanOrEqual(0)
  expect(entry.detail).toMatchObject({ devtools: { dataType: 'track-entry', trackGroup: 'millhand', track: 'worker w1', color: 'primary' } })
  // What DevTools reads.
  expect(trace).toContain('track-entry')
})

test('what is to be recorded is checked', async ({ page }) => {
  const errors = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const inputs = [{ maxTasks: -1 }, { maxTasks: 1.5 }, { devTools: 'yes' }, { tasks: 3 }]
    return inputs.map((trace) => thrown(() => new WorkersPool({ trace: trace as never })).message)
  })
  expect(errors).toEqual([
    expect.stringContaining('`trace.maxTasks`'),
    expect.stringContaining('`trace.maxTasks`'),
    expect.stringContaining('`trace.devTools` ("yes") is not a boolean'),
    expect.stringContaining('tasks'),
  ])
})
