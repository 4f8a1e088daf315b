import type { CdnEvent } from 'millhand'
import { expect } from '../fixtures.js'
import { test } from '../static-site.js'

type Scope = Record<string, any>
declare const rxjs: typeof import('rxjs')
declare const made: string

test('the workers of a pool have its packages, by free names too', async ({ page, site }) => {
  site.prebuild([{ request: { esm: { modules: ['rxjs#^7.8.1'] } }, manifest: { esm: await site.rxjs() } }])
  const seen = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { collect } = await import('support')
    const pool = new WorkersPool({
      install: {
        esm: {
          modules: ['rxjs#^7.8.1 as rxjs'],
          aliases: { made: ({ rxjs }) => `with ${typeof rxjs.map}`, again: 'rxjs' },
          modulesSideEffects: { rxjs: (module) => Object.assign(globalThis, { mark: typeof module.of }) },
        },
      },
      pool: { startAt: 2, stretchTo: 2 },
    })
    const events = collect(pool.cdnEvent$)
    await pool.ready()
    const results = await Promise.all(
      ['w1', 'w2'].map((targetWorkerId) =>
        pool.run(
          async ({ args, workerScope }) => [
            await rxjs.lastValueFrom(rxjs.from(args as number[]).pipe(rxjs.map((x) => 2 * x), rxjs.toArray())),
            made,
            workerScope['again'] === rxjs,
            workerScope['mark'],
          ],
          [1, 2],
          { targetWorkerId },
        ),
      ),
    )
    pool.terminate()
    return { results, events: await events }
  })
  expect(seen.results).toEqual(Array(2).fill([[2, 4], 'with function', true, 'function']))
  const imported = seen.events.flatMap((event) => (event.step === 'ModuleImported' ? [`${event.name} in ${event.workerId}`] : []))
  expect(imported.sort()).toEqual(['rxjs@7.8.2 in w1', 'rxjs@7.8.2 in w2'])
  expect(seen.events.filter(({ step }) => step === 'ManifestRequested')).toHaveLength(1)
})

test('a large module is fetched once, by the page, for all workers and pools', async ({ page, site }) => {
  // As large as a private window's cache takes; what is larger each worker fetches by itself.
  const source = `export const size = 7\n// ${'x'.repeat(5_000_000)}`
  site.prebuild([{ request: { esm: { modules: ['large'] } }, manifest: { esm: site.made([{ specifier: 'large', source }]) } }])
  const { sizes, reports } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const reports: CdnEvent[] = []
    const pools = [1, 2].map(
      () =>
        new WorkersPool({
          install: { esm: ['large'] },
          pool: { startAt: 4, stretchTo: 4, installConcurrency: 4 },
          cdnEvent$: { next: (event) => reports.push(event) },
        }),
    )
    await Promise.all(pools.map((pool) => pool.ready()))
    const sizes = await Promise.all(pools.map((pool) => pool.run(({ workerScope }) => workerScope['large'].size)))
    return { sizes, reports: reports.filter(({ step }) => step === 'InstallFailed').length }
  })
  expect(sizes).toEqual([7, 7])
  expect(reports).toBe(0)
  expect(site.count('/lib/manifest.json')).toBe(1)
  expect(site.count('/npm/large@1.0.0/entry.js')).toBe(1)
})

test('classic scripts run in workers, in the global scope', async ({ page, site }) => {
  const scripts = [
    {
      specifier: 'old~umd.js',
      source: `(function (root, make) {
        if (typeof exports === 'object') throw new Error('this is no Node')
        root.Umd = make()
      })(this, function () { return { name: 'umd' } }); var loose = 1; with ({ sloppy: 2 }) { loose += sloppy }`,
    },
  ]
  site.prebuild([{ request: { esm: { scripts: ['old~umd.js'] } }, manifest: { esm: site.made([], scripts) } }])
  const result = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ install: { scripts: ['old~umd.js'] }, pool: { startAt: 1, stretchTo: 1 } })
    // A free name that only the script knows of.
    return pool.run(new Function('return () => [Umd.name, loose]')() as () => unknown)
  })
  expect(result).toEqual(['umd', 3])
})

test('a package that needs a DOM fails the pool at once, by its name', async ({ page, site }) => {
  const source = 'export const title = document.title'
  site.prebuild([{ request: { esm: { modules: ['dom-only#1'] } }, manifest: { esm: site.made([{ specifier: 'dom-only#1', source }]) } }])
  const { error, started } = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const pool = new WorkersPool({ install: { esm: ['dom-only#1'] }, pool: { startAt: 1, stretchTo: 1 } })
    const started = new Set<string>()
    pool.startedWorkers$.subscribe((ids) => ids.forEach((id) => started.add(id)))
    return { error: await rejection(pool.run(() => 1)), started: started.size }
  })
  expect(error).toMatchObject({ code: 'install-failed', reason: 'InstallFailed' })
  expect(error.message).toContain('`dom-only@1.0.0` cannot be imported: document is not defined (it may need a DOM')
  expect(started).toBeLessThanOrEqual(1)
})

test('a side effect that throws in a worker fails the pool, with its error', async ({ page, site }) => {
  site.prebuild([{ request: { esm: { modules: ['lib'] } }, manifest: { esm: site.made([{ specifier: 'lib', source: 'export {}' }]) } }])
  const error = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const modulesSideEffects = {
      lib: () => {
        throw new RangeError('no licence')
      },
    }
    return rejection(new WorkersPool({ install: { esm: { modules: ['lib'], modulesSideEffects } } }).ready())
  })
  expect(error.message).toMatch(/the side effects of `lib@1.0.0` threw: no licence$/)
  expect(error.cause).toMatchObject({ cause: { name: 'RangeError' } })
})

test('what a page has installed a pool has without any request of its own', async ({ page, site }) => {
  site.prebuild([{ request: { esm: { modules: ['rxjs#^7.8.1'] } }, manifest: { esm: await site.rxjs() } }])
  await page.evaluate(async () => {
    const { install, WorkersPool } = await import('millhand')
    await install({ esm: ['rxjs#^7.8.1 as rxjs'] })
    await new WorkersPool({ pool: { startAt: 1, stretchTo: 1 } }).ready() // The worker's script is there then, too.
  })
  site.requests.length = 0
  const type = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ install: { esm: ['rxjs#^7.8.1'] }, pool: { startAt: 1, stretchTo: 1 } })
    return pool.run(({ workerScope }: { workerScope: Scope }) => typeof workerScope['rxjs'].map)
  })
  expect(type).toBe('function')
  expect(site.requests.filter((request) => !request.endsWith('/lib/worker.js'))).toEqual([])
})

test('under a policy without `unsafe-eval` modules are there, and scripts run as modules do', async ({ page, site }) => {
  const scripts = [{ specifier: 'old~umd.js', source: '(function (root) { root.Umd = { strict: !this } })(this); var loose = 1' }]
  const esm = site.made([{ specifier: 'lib', source: 'export const lib = 1' }], scripts)
  site.prebuild([{ request: { esm: { modules: ['lib'], scripts: ['old~umd.js'] } }, manifest: { esm } }])
  site.put('/tasks.js', 'export const look = () => [globalThis.lib.lib, globalThis.Umd, typeof globalThis.loose]')
  site.put(
    '/strict.js',
    `import { WorkersPool } from '/lib/index.js'
    const pool = new WorkersPool({ install: { esm: ['lib'], scripts: ['old~umd.js'] }, pool: { startAt: 1, stretchTo: 1 } })
    document.title = JSON.stringify(await pool.use('/tasks.js').look().then((seen) => seen, String))`,
  )
  site.put('/strict/', '<!doctype html><script type="module" src="/strict.js"></script>')
  site.policy = "script-src 'self' blob: 'wasm-unsafe-eval'"
  await page.goto(`${site.url}strict/`)
  await expect(page).toHaveTitle(JSON.stringify([1, { strict: true }, 'undefined']))
})
