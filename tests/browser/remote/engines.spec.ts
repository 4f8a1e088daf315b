/** Engines that are not there, refuse, or go: the pool goes on locally, and every task ends. */

import { descendantsRunning, kill } from './processes.js'
import { expect, test } from './fixtures.js'

const base = (token: string) => ({ url: '/', token, stretchTo: 2, javascript: false, python: [] as string[] })

test('what cannot be meant is refused at the call, and does not show the token', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const refusal = (remote: object) => {
      const { code, field, message } = thrown(() => new WorkersPool({ install: { pyodide: [] }, pool: { remote: { ...settings, ...remote } as never } }))
      return [code, field, message]
    }
    return [
      refusal({ url: 'http://[' }),
      refusal({ url: 'ftp://host' }),
      refusal({ token: 'a secret that is short' }),
      refusal({ stretchTo: 0 }),
      refusal({ when: 'never' }),
      refusal({ python: ['numpy=='] }),
    ]
  }, base(remote.server.token))
  const fields = ['url', 'url', 'token', 'stretchTo', 'when', 'python[0]']
  expect(seen.map(([code, field]) => [code, field])).toEqual(fields.map((field) => ['invalid-input', `pool.remote.${field}`]))
  expect(seen[2]?.[2]).not.toContain('secret')
})

test('a wrong token ends remote work alone', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { describe, rejection, until } = await import('support')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: { ...settings, token: 'x'.repeat(22) } } })
    const there = await rejection(pool.python('1', {}, { target: 'remote' }))
    const { error, state } = await until(pool.engine$, ({ state }) => state === 'failed')
    const here = await pool.python('2')
    pool.terminate()
    return { reason: there.reason, cause: there.cause?.code, hint: there.hint, state, code: describe(error).code, here }
  }, base(remote.server.token))
  expect(seen).toMatchObject({ reason: 'InstallFailed', cause: 'token-refused', state: 'failed', code: 'token-refused', here: 2 })
  expect(seen.hint).toContain('--engine-token')
})

test('a gateway that is not there is waited for as long as tasks may wait', async ({ page, remote }) => {
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const remote = { ...settings, url: 'ws://127.0.0.1:9', engineTimeout: 1_000 }
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote } })
    const begun = performance.now()
    const there = await rejection(pool.python('1', {}, { target: 'remote' }))
    const waited_ms = performance.now() - begun
    const again = await rejection(pool.python('1', {}, { target: 'remote' }))
    const here = await pool.python('2')
    pool.terminate()
    return { reasons: [there.reason, again.reason], message: there.message, code: there.cause?.code, waited_ms, here }
  }, base(remote.server.token))
  expect(seen).toMatchObject({ reasons: ['InstallFailed', 'InstallFailed'], code: 'gateway-unreachable', here: 2 })
  expect(seen.message).toContain('the gateway `ws://127.0.0.1:9/millhand/gateway` cannot be connected to')
  expect(seen.waited_ms).toBeGreaterThan(900)
})

test('a worker whose process is killed is replaced, and its task run again', async ({ page, remote }) => {
  await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: settings } })
    const source = `
import os, time
print(os.getpid())
while True: time.sleep(0.01)`
    const task = pool.python(source, {}, { target: 'remote', retries: 1 })
    const pids: number[] = []
    task.message$.subscribe(({ type, data }) => {
      if (type === 'Log') pids.push(Number(data.text))
    })
    Object.assign(window, { pool, task, pids })
  }, base(remote.server.token))
  await page.waitForFunction(() => (window as unknown as { pids: number[] }).pids.length === 1)
  kill(await page.evaluate(() => (window as unknown as { pids: number[] }).pids[0] ?? 0))
  await page.waitForFunction(() => (window as unknown as { pids: number[] }).pids.length === 2)
  const reason = await page.evaluate(async () => {
    const { rejection } = await import('support')
    const { pool, task } = window as unknown as { pool: { terminate: () => void }; task: PromiseLike<unknown> & { cancel: () => void } }
    task.cancel()
    const { reason } = await rejection(task)
    pool.terminate()
    return reason
  })
  expect(reason).toBe('Cancelled')
})

/** Many short tasks for anyone, and a page that counts how each ended. */
async function runMany(page: import('@playwright/test').Page, token: string, retries: number): Promise<void> {
  await page.evaluate(
    async ({ settings, retries }) => {
      const { WorkersPool } = await import('millhand')
      const pool = new WorkersPool({
        install: { pyodide: [] },
        pool: { startAt: 1, stretchTo: 1, remote: { ...settings, when: 'always' } },
      })
      const exits = new Map<string, string[]>()
      const remote = new Set<string>()
      const counts = { remote: 0, states: [] as string[] }
      pool.engine$.subscribe(({ state }) => counts.states.push(state))
      pool.workers$.subscribe((workers) => {
        for (const { worker } of Object.values(workers)) if (worker.location === 'remote') remote.add(worker.id)
      })
      pool.mergedChannel$.subscribe(({ type, data }) => {
        if (type !== 'Exit' || data.taskId === 't1') return
        exits.set(data.taskId, [...(exits.get(data.taskId) ?? []), data.reason])
        if (data.reason === 'Completed' && remote.has(data.workerId ?? '')) counts.remote += 1
      })
      // Else a slow machine's local worker does them all before a remote one is up.
      await pool.python('1', {}, { target: 'remote' })
      const tasks = Array.from({ length: 400 }, () => pool.python('import time\ntime.sleep(0.02)', {}, { retries }))
      Object.assign(window, { pool, exits, counts, ended: Promise.allSettled(tasks) })
    },
    { settings: base(token), retries },
  )
  await page.waitForFunction(() => (window as unknown as { counts: { remote: number } }).counts.remote >= 20)
}

/** How all of them ended, and how the engine was in between. */
async function howTheyEnded(page: import('@playwright/test').Page) {
  return page.evaluate(async () => {
    const { pool, exits, counts, ended } = window as unknown as {
      pool: { terminate: () => void }
      exits: Map<string, string[]>
      counts: { remote: number; states: string[] }
      ended: Promise<unknown>
    }
    await ended
    pool.terminate()
    const reasons: Record<string, number> = {}
    for (const [reason = ''] of exits.values()) reasons[reason] = (reasons[reason] ?? 0) + 1
    return { once: [...exits.values()].every(({ length }) => length === 1), reasons, ...counts }
  })
}

test('a node that is killed loses no task that may be run again', async ({ page, remote }) => {
  // A further node takes its time.
  test.slow()
  const { cluster, server } = remote
  const node = await cluster.addNode(2)
  await runMany(page, server.token, 5)
  await cluster.killNode(node)
  const seen = await howTheyEnded(page)
  expect(seen).toMatchObject({ once: true, reasons: { Completed: 400 } })
})

test('a bridge that is killed comes back, and the pool goes on meanwhile', async ({ page, remote }) => {
  await runMany(page, remote.server.token, 5)
  kill(remote.server.bridge())
  const seen = await howTheyEnded(page)
  expect(seen).toMatchObject({ once: true, reasons: { Completed: 400 } })
})

test('a server that is killed and restarted is found again, and no task is lost', async ({ page, remote }) => {
  const { server } = remote
  await runMany(page, server.token, 5)
  await server.kill()
  await server.restart()
  await page.waitForFunction(() => {
    const { states } = (window as unknown as { counts: { states: string[] } }).counts
    return states.includes('away') && states.lastIndexOf('up') > states.indexOf('away')
  })
  const seen = await howTheyEnded(page)
  expect(seen).toMatchObject({ once: true, reasons: { Completed: 400 } })
  expect(descendantsRunning(process.pid, 'millhand_ray').length).toBeGreaterThan(0)
})

test('a short disconnect loses no message, and runs nothing twice', async ({ page, remote }) => {
  await page.addInitScript(() => {
    const sockets: WebSocket[] = []
    const Original = window.WebSocket
    window.WebSocket = class extends Original {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
    Object.assign(window, { sockets })
  })
  await page.reload()
  const seen = await page.evaluate(async (settings) => {
    const { WorkersPool } = await import('millhand')
    const { sockets } = window as unknown as { sockets: WebSocket[] }
    const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote: { ...settings, stretchTo: 1 } } })
    const heard: number[] = []
    const source = 'import time\nfor n in range(100):\n    context.sendData(n)\n    time.sleep(0.005)\nargs["n"]'
    const results: unknown[] = []
    for (let round = 0; round < 3; round += 1) {
      const task = pool.python(source, { n: round }, { target: 'remote' })
      task.message$.subscribe(({ type, data }) => {
        if (type !== 'Data') return
        heard.push(data.payload as number)
        if (data.payload === 30 || data.payload === 60) sockets.at(-1)?.close()
      })
      results.push(await task)
    }
    const states = pool.engine$.value
    pool.terminate()
    const expected = Array.from({ length: 300 }, (_, index) => index % 100)
    return { results, inOrder: JSON.stringify(heard) === JSON.stringify(expected), states, connections: sockets.length }
  }, base(remote.server.token))
  expect(seen).toEqual({ results: [0, 1, 2], inOrder: true, states: { state: 'up' }, connections: 7 })
})
