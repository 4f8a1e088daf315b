import { expect, test } from '../fixtures.js'

test('messages come in order, and are the same for an early and a late subscriber', async ({ page }) => {
  const [early, late] = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const message$ = pool.schedule({
      title: 'talk',
      entryPoint: async ({ context, args }) => {
        context.info('first', { step: 1 })
        context.sendData({ half: args.n / 2, taskId: 'mine' })
        await new Promise((resolve) => setTimeout(resolve))
        context.info('last')
        return args.n
      },
      args: { n: 8 },
    })
    const early = await collect(message$)
    return [early, await collect(message$)]
  })
  expect(early).toEqual([
    { type: 'Start', data: { taskId: 't1', workerId: 'w1' } },
    { type: 'Log', data: { taskId: 't1', workerId: 'w1', text: 'first', json: { step: 1 } } },
    { type: 'Data', data: { taskId: 't1', workerId: 'w1', half: 4, payload: { half: 4, taskId: 'mine' } } },
    { type: 'Log', data: { taskId: 't1', workerId: 'w1', text: 'last', json: undefined } },
    { type: 'Exit', data: { taskId: 't1', workerId: 'w1', error: false, result: 8, reason: 'Completed' } },
  ])
  expect(late).toEqual(early)
})

test('what many quick tasks of two functions say comes in the order of the tasks, between the exits of their neighbours', async ({ page }) => {
  const told = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    await pool.ready()
    const told: unknown[] = []
    pool.mergedChannel$.subscribe(({ type, data }) => {
      if (type === 'Log') told.push(['says', Number(data.text)])
      if (type === 'Exit') told.push(['ends', data.result])
    })
    type Input = { args: number; context: { info: (text: string) => void } }
    const same = ({ args }: Input) => args
    const talking = ({ args, context }: Input) => {
      if (args % 7 === 0) context.info(String(args))
      return args
    }
    await Promise.all(Array.from({ length: 3_000 }, (_, number) => pool.run(number % 100 < 50 ? same : talking, number)))
    return told
  })
  const expected = Array.from({ length: 3_000 }, (_, number) => {
    const talks = number % 100 >= 50 && number % 7 === 0
    return [...(talks ? [['says', number]] : []), ['ends', number]]
  })
  expect(told).toEqual(expected.flat())
})

test('a task is queued at the call and runs once, however many subscribe', async ({ page }) => {
  const runs = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ globals: { runs: { count: 0 } }, pool: { startAt: 1, stretchTo: 1 } })
    const once$ = pool.schedule({ entryPoint: ({ workerScope }) => (workerScope['runs'].count += 1) })
    const never$ = pool.schedule({ entryPoint: ({ workerScope }) => (workerScope['runs'].count += 1) })
    await Promise.all([collect(once$), collect(once$), collect(once$)])
    await collect(never$)
    return pool.run(({ workerScope }) => workerScope['runs'].count)
  })
  expect(runs).toBe(2)
})

test('replay is bounded, and keeps Start and Exit', async ({ page }) => {
  const messages = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool()
    const message$ = pool.schedule({
      entryPoint: ({ context }) => {
        for (let i = 0; i < 10; i++) context.info(`${i}`)
      },
      replay: 3,
    })
    await collect(message$)
    return (await collect(message$)).map(({ type, data }) => (type === 'Log' ? data.text : type))
  })
  expect(messages).toEqual(['Start', '7', '8', '9', 'Exit'])
})

test('a listener that makes its own task end while it is told the past misses nothing', async ({ page }) => {
  const types = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool()
    await pool.ready()
    const message$ = pool.schedule({ entryPoint: () => new Promise(() => {}) })
    await until(pool.runningTasks$, (tasks) => tasks.length === 1)
    const types: string[] = []
    message$.subscribe({
      next: ({ type }) => {
        types.push(type)
        if (type === 'Start') pool.terminate()
      },
      complete: () => types.push('complete'),
    })
    return types
  })
  expect(types).toEqual(['Start', 'Exit', 'complete'])
})

test('data goes both ways, and what is sent before the task listens waits for it', async ({ page }) => {
  const { echoes, sent, afterwards } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool()
    const task = pool.run(
      ({ context }) =>
        new Promise<number>((resolve) => {
          let sum = 0
          context.onData = (data) => {
            sum += (data as { add: number }).add
            context.sendData({ sum })
            if (sum >= 6) resolve(sum)
          }
        }),
    )
    const sent = [task.send({ add: 1 }), pool.sendData({ taskId: task.id, data: { add: 2 } })]
    task.message$.subscribe(({ type }) => type === 'Start' && task.send({ add: 3 }))
    const messages = await collect(task.message$)
    const echoes = messages.flatMap(({ type, data }) => (type === 'Data' ? [data['sum']] : []))
    return { echoes, sent, afterwards: task.send({ add: 4 }) }
  })
  expect(echoes).toEqual([1, 3, 6])
  expect(sent).toEqual([true, true])
  expect(afterwards).toBe(false)
})

test('data that cannot be cloned is a PostError, and the task goes on', async ({ page }) => {
  const messages = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool()
    const message$ = pool.schedule({
      entryPoint: ({ context }) => {
        context.sendData({ callback: () => 1 })
        context.info('still here', { window: () => 2 })
        return 'done'
      },
    })
    return (await collect(message$)).map(({ type, data }) => ({
      type,
      error: type === 'PostError' ? data.error.name : undefined,
      result: type === 'Exit' ? data.result : undefined,
    }))
  })
  expect(messages).toEqual([
    { type: 'Start', error: undefined, result: undefined },
    { type: 'PostError', error: 'DataCloneError', result: undefined },
    { type: 'PostError', error: 'DataCloneError', result: undefined },
    { type: 'Exit', error: undefined, result: 'done' },
  ])
})

test('what a task says after its end is not heard', async ({ page }) => {
  const types = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } })
    const types: string[] = []
    pool.mergedChannel$.subscribe(({ type, data }) => data.taskId && types.push(`${data.taskId} ${type}`))
    const said = (context: { info: (text: string) => void }) => void setTimeout(() => context.info('late'))
    pool.schedule({ entryPoint: ({ context, args }) => new Function(`return ${args}`)()(context), args: String(said) })
    // A timer that is set later goes off later: by then the other has.
    await collect(pool.schedule({ entryPoint: () => new Promise((resolve) => setTimeout(resolve)) }))
    return types
  })
  expect(types).toEqual(['t1 Start', 't1 Exit', 't2 Start', 't2 Exit'])
})

test('the channels and the observables of a pool tell of its tasks', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { until } = await import('support')
    const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
    await pool.ready()
    const channel: string[] = []
    pool.workers$.value['w2']?.channel$.subscribe(({ type, data }) => channel.push(`${data.workerId} ${type}`))
    const released: object[] = []
    pool.workerReleased$.subscribe((release) => released.push(release))
    const idle = { ...pool.stats$.value, busy: pool.busyWorkers$.value }
    const task = pool.run(
      ({ context }) => new Promise((resolve) => (context.onData = resolve)),
      undefined,
      { title: 'wait', targetWorkerId: 'w2' },
    )
    const running = await until(pool.runningTasks$, (tasks) => tasks.length === 1)
    const busy = pool.busyWorkers$.value
    task.send('go')
    await task
    await until(pool.busyWorkers$, (workers) => workers.length === 0)
    return { channel, released, idle, running, busy, exits: pool.stats$.value.exits, workers: Object.keys(pool.workers$.value).sort() }
  })
  expect(seen.idle).toMatchObject({ idle: 2, running: 0, queued: 0, starting: 0, busy: [] })
  expect(seen.running).toEqual([{ taskId: 't1', title: 'wait', workerId: 'w2' }])
  expect(seen.busy).toEqual(['w2'])
  expect(seen.channel).toEqual(['w2 Start', 'w2 Exit'])
  expect(seen.released).toEqual([{ workerId: 'w2', taskId: 't1' }])
  expect(seen.exits).toMatchObject({ Completed: 1 })
  expect(seen.workers).toEqual(['w1', 'w2'])
})

test('a task has what promises have', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool()
    let finished = 0
    const fails = (): number => {
      throw new Error('on purpose')
    }
    return [
      await pool.run(() => 1).finally(() => (finished += 1)),
      await pool.run(fails).catch((error: unknown) => (error as Error).message),
      await pool.run(fails).finally(() => (finished += 1)).catch(() => 'still fails'),
      finished,
    ]
  })
  expect(seen).toEqual([1, '`fails` threw Error: on purpose', 'still fails', 2])
})
