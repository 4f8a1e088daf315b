import type { WorkerScope } from 'millhand'
import { expect, serveDistribution, test } from '../fixtures.js'
import { traceMainThread } from '../main-thread.js'

test('the main job: estimates of π by NumPy, on a pool that stretches', async ({ page }) => {
  const { pis, workers, exits } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { estimatePi } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 10 } })
    await pool.ready()
    const tasks = Array.from({ length: 1_000 }, () => pool.run(estimatePi, { count: 100_000 }, { title: 'PI approx.' }))
    const pis = await Promise.all(tasks)
    return { pis, workers: Object.keys(pool.workers$.value).length, exits: pool.stats$.value.exits }
  })
  const mean = pis.reduce((sum, pi) => sum + pi, 0) / pis.length
  expect(Math.abs(mean - Math.PI)).toBeLessThan(0.001)
  expect(exits).toMatchObject({ Completed: 1_000 })
  expect(workers).toBeGreaterThanOrEqual(2)
  expect(workers).toBeLessThanOrEqual(10)
})

test('two workers draw different random numbers, from `random` and from NumPy', async ({ page }) => {
  const draws = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 2, stretchTo: 2 } })
    await pool.ready()
    const draw = ({ workerScope }: { workerScope: WorkerScope }) =>
      workerScope['pyodide'].runPython(`
        import random, numpy
        [random.random(), numpy.random.random(), numpy.random.default_rng().random()]`)
    return Promise.all(['w1', 'w2'].map((targetWorkerId) => pool.run(draw, undefined, { targetWorkerId })))
  })
  const numbers = draws.flat()
  expect(numbers).toHaveLength(6)
  expect(new Set(numbers).size).toBe(6)
})

test('Python results arrive as JavaScript values, or are refused by name; exceptions keep their traceback', async ({
  page,
}) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect, rejection } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 1 } })
    const python = (code: string) =>
      pool.run(({ args, workerScope }) => workerScope['pyodide'].runPython(args), `import numpy as np\n${code}`)
    const values = {
      list: await python('[1, "two", None, 3.5]'),
      dict: await python('{"a": {"b": (1, 2)}}'),
      scalar: await python('np.int32(7)'),
      float: await python('np.float64(0.5)'),
      array: Array.from((await python('np.arange(3.0)')) as Float64Array),
      matrix: ((await python('np.eye(2)')) as Float64Array[]).map((row) => [...row]),
      coroutine: await python('import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  return [4]\nf()'),
    }
    const printed = await collect(
      pool.schedule({ entryPoint: ({ workerScope }) => workerScope['pyodide'].runPython('print("hello")\nprint("again")') }),
    )
    return {
      values,
      printed: printed.flatMap(({ type, data }) => (type === 'Log' ? [data.text] : [])),
      refused: await rejection(python('lambda x: x')),
      exception: await rejection(python('def inner(): return {}["missing"]\ninner()')),
      // Converted proxies are released: what a task returned is not kept alive by its worker.
      released: await python(`
import gc, weakref
class Held(list): pass
held = Held([1])
gone = weakref.ref(held)
held`).then(() => python('del held\ngc.collect()\ngone() is None')),
    }
  })
  expect(seen.values).toEqual({
    list: [1, 'two', undefined, 3.5],
    dict: { a: { b: [1, 2] } },
    scalar: 7,
    float: 0.5,
    array: [0, 1, 2],
    matrix: [
      [1, 0],
      [0, 1],
    ],
    coroutine: [4],
  })
  expect(seen.printed).toEqual(['hello', 'again'])
  expect(seen.refused).toMatchObject({ reason: 'Unclonable' })
  expect(seen.refused.message).toContain('a Python `function` has no JavaScript form')
  expect(seen.exception).toMatchObject({ reason: 'Threw', cause: { name: 'PythonError', python: { type: 'KeyError' } } })
  expect(seen.exception.cause?.python?.traceback).toMatch(/in inner[\s\S]*KeyError: 'missing'/)
  expect(seen.released).toBe(true)
})

test('a pool with Python treats JavaScript results as others do, and leaves a task its Python objects', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 1, stretchTo: 1 } })
    const cyclic = await pool.run(() => {
      const node: { self?: object; list: unknown[] } = { list: [] }
      node.self = node
      node.list.push(node)
      return node
    })
    const moved = await pool.run(({ context }) => {
      const { buffer } = new Uint8Array([1, 2])
      setTimeout(() => context.info('later'))
      const result = context.transfer({ buffer }, [buffer])
      Object.assign(globalThis, { sent: buffer })
      return result
    })
    const left = await pool.run(({ workerScope }) => workerScope['sent'].byteLength)
    const messages = await collect(
      pool.schedule({
        entryPoint: ({ context, workerScope }) => {
          const list = workerScope['pyodide'].runPython('[1, 2]')
          context.sendData(list)
          context.sendData({ nested: [list, list] })
          return [list, list.length, list]
        },
      }),
    )
    return {
      cyclic: cyclic.self === cyclic && cyclic.list[0] === cyclic,
      moved: [...new Uint8Array(moved.buffer)],
      left,
      data: messages.flatMap(({ type, data }) => (type === 'Data' ? [data['payload']] : [])),
      result: messages.flatMap(({ type, data }) => (type === 'Exit' ? [data.result] : [])),
      closed: await pool.python('import sys\nsys.stdout.close()\n"still there"'),
      afterwards: await pool.run(({ workerId }) => workerId),
    }
  })
  expect(seen).toEqual({
    cyclic: true,
    moved: [1, 2],
    left: 0,
    data: [[1, 2], { nested: [[1, 2], [1, 2]] }],
    result: [[[1, 2], 2, [1, 2]]],
    closed: 'still there',
    afterwards: 'w1',
  })
})

test('an unknown Python package fails the pool by its name, once, and its tasks with it', async ({ page }) => {
  const { ready, task, later, started } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: ['numpy', 'no-such-package'] } })
    const task = rejection(pool.run(() => 1))
    const ready = await rejection(pool.ready())
    return { ready, task: await task, later: await rejection(pool.run(() => 1)), started: pool.startedWorkers$.value }
  })
  expect(ready).toMatchObject({ name: 'InstallError', code: 'install-failed' })
  expect(ready.message).toContain('`no-such-package`')
  expect(task).toMatchObject({ code: 'install-failed', reason: 'InstallFailed' })
  expect(task.message).toContain('`no-such-package`')
  expect(later).toMatchObject({ reason: 'InstallFailed' })
  expect(started).toEqual([])
})

test('a file that was changed on its way is refused, with both hashes', async ({ page }) => {
  await page.route('**/millhand/files/**/python_stdlib.zip', async (route) => {
    const response = await route.fetch()
    const body = await response.body()
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1
    await route.fulfill({ response, body })
  })
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(new WorkersPool({ install: { pyodide: [] } }).ready())
  })
  expect(error.message).toMatch(/`python_stdlib.zip` was changed on its way: its sha256 is \w{64}, and should be \w{64}/)
})

test('a Pyodide distribution of one’s own, under a name of one’s own', async ({ page }) => {
  await serveDistribution(page)
  const { version, absent } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: { indexUrl: '/distribution', pyodideAlias: 'snake' } } })
    const withNumPy = { pyodide: { indexUrl: '/distribution/', modules: ['numpy'] } }
    return {
      version: await pool.run(({ workerScope }) => workerScope['snake'].runPython('import sys; sys.version_info[0]')),
      absent: await rejection(new WorkersPool({ install: withNumPy }).ready()),
    }
  })
  expect(version).toBe(3)
  expect(absent.message).toContain('`numpy` is not in the lock of')
})

test('eight Python workers boot at the same time, none hangs, and the page stays responsive', async ({ page, browser }) => {
  const timesOf_ms = await traceMainThread({ browser, page, categories: ['toplevel', '__metadata'] }, async () => {
    const workers = await page.evaluate(async () => {
      const { WorkersPool } = await import('millhand')
      const pool = new WorkersPool({
        install: { pyodide: ['numpy'] },
        pool: { startAt: 8, stretchTo: 8, installConcurrency: 8 },
      })
      await pool.ready()
      return Object.keys(pool.workers$.value).length
    })
    expect(workers).toBe(8)
  })
  const tasks = timesOf_ms('RunTask')
  // A trace without processor times would measure nothing.
  expect(tasks.filter((ms) => ms > 0).length).toBeGreaterThan(100)
  expect(Math.max(...tasks)).toBeLessThan(50)
})
