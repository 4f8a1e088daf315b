import { expect, test } from '../fixtures.js'

/** Tasks behave as promises do: a failure that nobody handles is an unhandled rejection, and no other is. */

test('a task that fails while nobody hears of it is an unhandled rejection, by its name', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { describe } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1, cancelGrace: 20 } })
    await pool.ready()
    const seen: [string | undefined, string][] = []
    const next = (): Promise<void> =>
      new Promise((resolve) =>
        addEventListener(
          'unhandledrejection',
          (event) => {
            event.preventDefault()
            const { code, message } = describe(event.reason)
            seen.push([code, message.split('\n')[0] ?? ''])
            resolve()
          },
          { once: true },
        ),
      )
    const fail = () => {
      throw new RangeError('nobody hears')
    }
    const acts = [
      () => pool.run(fail, undefined, { title: 'run' }),
      () => pool.use<{ fail: (text: string) => void }>('/tasks.js').fail('of a module'),
      () => pool.python('1 / 0', {}, { title: 'python' }),
      // What follows from an awaited task is a promise of its own.
      () => void pool.run(fail, undefined, { title: 'then' }).then(() => 'not reached'),
      () => pool.run(() => new Promise(() => {}), undefined, { title: 'slow', timeout: 20 }),
    ]
    for (const act of acts) {
      const heard = next()
      act()
      await heard
    }
    pool.terminate()
    const heard = next()
    pool.run(() => 1, undefined, { title: 'too late' })
    await heard
    return seen
  })
  expect(seen).toEqual([
    ['task-threw', '`run` threw RangeError: nobody hears'],
    ['task-threw', '`fail` threw RangeError: of a module'],
    ['task-threw', '`python` threw ZeroDivisionError: division by zero'],
    ['task-threw', '`then` threw RangeError: nobody hears'],
    ['timed-out', '`slow` ran for longer than its `timeout`'],
    ['pool-terminated', '`too late` was not taken: the pool was terminated'],
  ])
})

test('a failure that somebody hears of, or that was wished for, is none', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection, until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1, maxQueue: 50 } })
    await pool.ready()
    const events: string[] = []
    for (const type of ['unhandledrejection', 'rejectionhandled'] as const) {
      addEventListener(type, (event) => {
        event.preventDefault()
        events.push(`${type} ${event.reason.message.split('\n')[0]}`)
      })
    }
    const next = (type: string) => new Promise((resolve) => addEventListener(type, resolve, { once: true }))
    const fail = () => {
      throw new RangeError('heard')
    }
    await rejection(pool.run(fail))
    await pool.run(fail).catch(() => undefined)
    await collect(pool.run(fail).message$)
    await rejection(
      (async () => {
        for await (const payload of pool.run(fail)) void payload
      })(),
    )
    await collect(pool.schedule({ entryPoint: fail }))
    await rejection(pool.broadcast(fail))
    await rejection(
      (async () => {
        for await (const result of pool.map([1, 2, 3], fail, { chunk: 1 })) void result
      })(),
    )
    const blocker = pool.run(({ context }) => {
      context.info('in')
      return new Promise((resolve) => (context.onData = resolve))
    })
    await until(blocker.message$, ({ type }) => type === 'Log')
    const cancelled = pool.run(() => 1, undefined, { title: 'cancelled' })
    cancelled.cancel()
    pool.run(() => 1, undefined, { signal: AbortSignal.abort() })
    // Refused at the call, and handled in the same turn.
    for (let i = 0; i < 50; i++) pool.run(() => 1)
    const refused = await rejection(pool.run(() => 1))
    blocker.send('go')
    await until(pool.stats$, ({ running, queued }) => running + queued === 0)
    const unhandled = next('unhandledrejection')
    const late = pool.run(fail, undefined, { title: 'late' })
    await unhandled
    // As of a promise, the browser tells that it is handled after all, if that is after the turn in which it told of it.
    await new Promise((resolve) => setTimeout(resolve))
    const handled = next('rejectionhandled')
    await collect(late.message$)
    await handled
    pool.run(() => new Promise(() => {}))
    pool.terminate()
    const last = next('unhandledrejection')
    pool.run(() => 1, undefined, { title: 'sentinel' })
    await last
    return { refused: refused.code, events }
  })
  expect(seen).toEqual({
    refused: 'rejected',
    events: [
      'unhandledrejection `late` threw RangeError: heard',
      'rejectionhandled `late` threw RangeError: heard',
      'unhandledrejection `sentinel` was not taken: the pool was terminated',
    ],
  })
})
