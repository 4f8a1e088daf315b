import { expect, test as inServedPage } from '../fixtures.js'
import type { StaticSite } from '../static-site.js'
import { StaticSite as Site, test } from '../static-site.js'

type Scope = Record<string, any>

/** Lays out a static site as the public CDNs are laid out. */
function putCdns(site: StaticSite) {
  const css = 'body { padding: 5px }'
  const { sha256, bytes } = site.put('/files/@fortawesome/fontawesome-free@5.12.1/css/all.min.css', css)
  const hash = Buffer.from(sha256, 'hex').toString('base64')
  const files = [
    { name: '/css/all.min.css', hash, size: bytes },
    { name: '/css/v4/all.min.css', hash, size: bytes },
    { name: '/js/one.js', size: 20 },
  ]
  site.put('/index/@fortawesome/fontawesome-free/resolved?specifier=5.12.1', JSON.stringify({ version: '5.12.1' }))
  site.put('/index/@fortawesome/fontawesome-free@5.12.1?structure=flat', JSON.stringify({ files }))
  site.put('/files/@fortawesome/fontawesome-free@5.12.1/js/one.js', 'var one = 1')
  site.put('/esm/lib@^1.2.0?deps=dep@~2', 'export const lib = true')
  site.put('/esm/only@latest?deps=dep@~2', 'export default { only: 1 }')
  return { manifestUrl: null, esmCdn: `${site.url}esm`, fileCdn: `${site.url}files/`, fileIndex: `${site.url}index/` }
}

test('without a server and a manifest, packages come from CDNs, and nothing is asked for twice', async ({ page, site }) => {
  const { manifestUrl: _, ...cdns } = putCdns(site)
  const seen = await page.evaluate(async (cdns) => {
    const { configureInstall, install, queryLoadingGraph } = await import('millhand')
    configureInstall(cdns)
    const esm = { modules: ['lib#^1.2.0', 'only'], usingDependencies: ['dep#~2'] }
    const { lib, only } = await install({ esm, css: ['fontawesome#5.12.1~css/all.min.css'], scripts: ['fontawesome#5.12.1~one.js'] })
    const graph = await queryLoadingGraph({ esm, css: ['fontawesome#5.12.1~css/all.min.css'] })
    return { lib: lib.lib, only, padding: getComputedStyle(document.body).padding, one: (globalThis as Scope)['one'], graph }
  }, cdns)
  expect(seen).toMatchObject({ lib: true, only: { only: 1 }, padding: '5px', one: 1 })
  expect(seen.graph.css[0]).toMatchObject({ name: '@fortawesome/fontawesome-free', version: '5.12.1' })
  // What could be a manifest, or a server, was asked once each.
  expect(site.requests.filter((request) => request.includes('manifest'))).toEqual(['GET /lib/manifest.json', 'POST /millhand/manifest'])
})

test('where CDNs are all that is to be asked, nothing else is; workers have their packages from there too', async ({ page, site }) => {
  const settings = putCdns(site)
  const seen = await page.evaluate(async (settings) => {
    const { configureInstall, install, WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    configureInstall(settings)
    const esm = { modules: ['lib#^1.2.0'], usingDependencies: ['dep#~2'] }
    const pool = new WorkersPool({ install: { esm }, pool: { startAt: 1, stretchTo: 1 } })
    return {
      lib: await pool.run(({ workerScope }) => workerScope['lib'].lib),
      ambiguous: await rejection(install({ css: ['fontawesome#5.12.1~all.min.css'] })),
      missing: await rejection(install({ css: ['fontawesome#5.12.1~none.css'] })),
      unknown: await rejection(install({ esm: ['nothing'] })),
    }
  }, settings)
  expect(seen.lib).toBe(true)
  expect(seen.ambiguous).toMatchObject({ code: 'install-failed', hint: expect.stringContaining('`css/v4/all.min.css`') })
  expect(seen.missing.message).toContain('no file of its package is `fontawesome#5.12.1~none.css`')
  expect(seen.unknown.message).toContain('esm/nothing@latest` answered 404')
  expect(site.requests.filter((request) => request.includes('manifest'))).toEqual([])
})

test('Python comes from a CDN’s folder of its version', async ({ page, site }) => {
  site.put('/py/v0.29.5/full/pyodide-lock.json', JSON.stringify({ packages: { six: { name: 'six', version: '1.17.0', file_name: 'six.whl', sha256: '' } } }))
  const graph = await page.evaluate(async (pyodideCdn) => {
    const { configureInstall, queryLoadingGraph } = await import('millhand')
    configureInstall({ manifestUrl: null, pyodideCdn })
    return queryLoadingGraph({ pyodide: ['six'] })
  }, `${site.url}py/`)
  expect(graph.pyodide).toEqual({ version: '0.29.5', packages: [{ name: 'six', version: '1.17.0', dependencies: [] }] })
  expect(graph.files.map(({ url }) => url)).toContain(`${site.url}py/v0.29.5/full/pyodide.asm.wasm`)
})

test('a manifest at a url of one’s own is the only one', async ({ page, site }) => {
  const esm = site.made([{ specifier: 'mine', source: 'export const mine = 1' }])
  site.put('/own/places.json', JSON.stringify({ environments: [{ request: { esm: { modules: ['mine as anything'] } }, manifest: { esm } }] }))
  const seen = await page.evaluate(async () => {
    const { configureInstall, install } = await import('millhand')
    const { rejection } = await import('support')
    configureInstall({ manifestUrl: '/own/places.json' })
    const { mine } = await install({ esm: ['mine'] })
    return { mine: mine.mine, other: await rejection(install({ esm: ['other'] })) }
  })
  expect(seen.mine).toBe(1)
  expect(seen.other).toMatchObject({ code: 'install-failed', hint: expect.stringContaining('export') })
  expect(site.requests.filter((request) => /manifest/.test(request))).toEqual([])
})

inServedPage('a static host that has the package where servers have it falls back to the manifest beside it', async ({ page }) => {
  const site = await Site.start('/millhand/')
  site.prebuild([{ request: { esm: { modules: ['lib'] } }, manifest: { esm: site.made([{ specifier: 'lib', source: 'export const n = 3' }]) } }])
  await page.goto(site.url)
  const installed = await page.evaluate(async () => {
    const { install } = await import('millhand')
    await install({ esm: ['lib as first'] })
    return (await install({ esm: ['lib'] }))['lib'].n
  })
  expect(installed).toBe(3)
  expect(site.requests.filter((request) => request.includes('manifest'))).toEqual([
    'POST /millhand/manifest',
    'GET /millhand/manifest.json',
  ])
  await page.goto('about:blank')
  await site.stop()
})

inServedPage('a page of a millhand server asks that, and hears what it refuses', async ({ page }) => {
  const requests: string[] = []
  page.on('request', (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`))
  const error = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(install({ pyodide: ['nunpy'] }))
  })
  expect(error).toMatchObject({ code: 'install-failed', own: { detail: 'offline' } })
  expect(requests.filter((request) => request.includes('manifest'))).toEqual(['POST /millhand/manifest'])
})

inServedPage('Python in the page itself: packages are added to a runtime that is there', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const steps: string[] = []
    const onEvent = ({ step }: { step: string }) => void steps.push(step)
    const [{ pyodide }] = await Promise.all([install({ pyodide: [], onEvent }), install({ pyodide: [] })])
    pyodide.runPython('kept = 7')
    const { py } = await install({ pyodide: { modules: ['numpy'], pyodideAlias: 'py' } })
    const sum = py.runPython('import numpy as np\nint(np.arange(4).sum()) + kept')
    const again = await install({ pyodide: ['numpy'], onEvent })
    return { sum, same: [pyodide === py, again['pyodide'] === py], isGlobal: (globalThis as Scope)['pyodide'] === py, steps }
  })
  expect(seen).toMatchObject({ sum: 13, same: [true, true], isGlobal: true })
  expect(seen.steps.filter((step) => step === 'PythonStarting')).toHaveLength(1)
  expect(seen.steps.slice(-1)).toEqual(['Installed'])
})
