/**
 * Where a page's time goes while tiny tasks flood a pool: `node bench/profile.mjs [run|schedule|round] [--top N] [--out FILE]`, after
 * `npm run build --workspace js`; better with `MILLHAND_KEEP_NAMES=1`. `CHROME` names the browser.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, extname } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from '@playwright/test'

const { values, positionals } = parseArgs({
  options: { top: { type: 'string', default: '30' }, out: { type: 'string' } },
  allowPositionals: true,
})
const [workload = 'run'] = positionals

const server = await serve(new URL('../js/dist/standalone/', import.meta.url))
const args = ['--no-sandbox', '--disable-dev-shm-usage']
const browser = await chromium.launch({ ...(process.env.CHROME ? { executablePath: process.env.CHROME } : {}), args })
try {
  const page = await browser.newPage()
  await page.goto(server.url)
  const client = await page.context().newCDPSession(page)
  await client.send('Profiler.enable')
  await client.send('Profiler.setSamplingInterval', { interval: 100 })
  await client.send('Profiler.start')
  console.log(await page.evaluate(flood, workload))
  const { profile } = await client.send('Profiler.stop')
  print(profile, Number(values.top))
  if (values.out) await writeFile(values.out, JSON.stringify(profile))
} finally {
  await browser.close()
  await server.close()
}

/** Runs in the page: some seconds of a workload, and what it came to. */
async function flood(workload) {
  const { WorkersPool } = await import('/index.js')
  const pool = new WorkersPool({ pool: { startAt: 2, stretchTo: 2 } })
  await pool.ready()
  const noop = () => undefined
  const completed = (stream) => new Promise((resolve) => stream.subscribe({ complete: resolve }))
  const many = (count, start) => Promise.all(Array.from({ length: count }, start))
  const workloads = {
    run: async (count) => many(count, () => pool.run(noop)),
    schedule: async (count) => many(count, () => completed(pool.schedule({ entryPoint: noop }))),
    round: async (count) => {
      for (let i = 0; i < count / 10; i += 1) await pool.run(noop)
    },
  }
  const work = workloads[workload]
  if (!work) throw new Error(`\`${workload}\` is none of ${Object.keys(workloads).join(', ')}`)
  await work(10_000)
  const begin = performance.now()
  for (let i = 0; i < 5; i += 1) await work(50_000)
  const took_s = (performance.now() - begin) / 1_000
  pool.terminate()
  return `${workload}: ${Math.round((workload === 'round' ? 25_000 : 250_000) / took_s)} tasks/s, under the profiler`
}

/** The functions in which most of the time was spent, without what they called. */
function print({ nodes, samples, timeDeltas }, top) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const spent = new Map()
  samples.forEach((id, index) => spent.set(names.get(id), (spent.get(names.get(id)) ?? 0) + timeDeltas[index]))
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0)
  const sorted = [...spent].sort(([, a], [, b]) => b - a).slice(0, top)
  for (const [name, time] of sorted) console.log(`${((time / total) * 100).toFixed(1).padStart(6)} %  ${name}`)
}

function nameOf({ functionName, url, lineNumber, columnNumber }) {
  return `${functionName || '(anonymous)'}${url ? `  ${basename(url)}:${lineNumber + 1}:${columnNumber + 1}` : ''}`
}

/** A page with the package beside it. */
async function serve(folder) {
  const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.map': 'application/json' }
  const server = createServer(async ({ url }, response) => {
    const name = basename(new URL(url, 'http://localhost').pathname)
    const content = name ? await readFile(new URL(name, folder)).catch(() => null) : '<!doctype html><title>profile</title>'
    response.writeHead(content === null ? 404 : 200, { 'content-type': types[extname(name)] ?? 'text/html' })
    response.end(content)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  return { url: `http://127.0.0.1:${server.address().port}/`, close }
}
