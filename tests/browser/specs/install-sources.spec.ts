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

test('an install of parts of prebuilt environments is composed of them, and fetches no others', async ({ page, site }) => {
  const made = (...names: string[]) => {
    const modules = names.map((name) => ({ specifier: `${name}#1`, source: `export const name = '${name}'` }))
    return site.made(modules, [{ specifier: 'old~old.js', source: 'var old = (globalThis.old ?? 0) + 1' }])
  }
  const css = ['look', 'more'].map((name, index) => site.styleSheet(`${name}~${name}.css`, `body { margin: ${index + 1}px }`))
  const modules = (...names: string[]) => names.map((name) => `${name}#1`)
  site.prebuild([
    { request: { esm: { modules: modules('a', 'b', 'c', 'd'), scripts: ['old~old.js'] } }, manifest: { esm: made('a', 'b', 'c', 'd') } },
    { request: { esm: { modules: modules('a', 'b') } }, manifest: { esm: made('a', 'b') } },
    { request: { esm: { modules: modules('c') } }, manifest: { esm: made('c') } },
    { request: { esm: { modules: modules('e'), usingDependencies: ['dep#1'] } }, manifest: { esm: made('e') } },
    { request: { esm: { modules: modules('e') }, css: ['look~look.css', 'more~more.css'] }, manifest: { esm: made('e'), css } },
  ])
  const seen = await page.evaluate(async () => {
    const { install, queryLoadingGraph } = await import('millhand')
    const { rejection } = await import('support')
    const graph = await queryLoadingGraph({ esm: ['c#1', 'b#1'], css: ['more~more.css'] })
    const { b, c, ...others } = await install({ esm: ['c#1 as c', 'b#1 as b'], css: ['more~more.css'], scripts: ['old~old.js'] })
    return {
      graph,
      names: [b.name, c.name, (globalThis as Scope)['old'], Object.keys(others)],
      margin: getComputedStyle(document.body).margin,
      unknown: (await rejection(install({ esm: ['a#1', 'x#1'] }))).message,
      unknownSheet: (await rejection(install({ css: ['look~look.css', 'none~none.css'] }))).message,
      otherDependencies: (await rejection(install({ esm: { modules: ['e#1', 'a#1'], usingDependencies: ['dep#1'] } }))).message,
    }
  })
  expect(seen.graph.modules.map(({ specifier }) => specifier)).toEqual(['b#1', 'c#1'])
  expect(seen.graph.css.map(({ specifier }) => specifier)).toEqual(['more~more.css'])
  expect(seen.graph.scripts).toEqual([])
  expect(seen.graph.packages).toEqual({ 'a@1.0.0': [], 'b@1.0.0': [], 'c@1.0.0': [] })
  expect(seen.names).toEqual(['b', 'c', 1, []])
  expect(seen.margin).toBe('2px')
  // What is in the smallest environments with `b` and with `c`.
  const fetched = new Set(site.requests.filter((request) => request.includes('/npm/')))
  expect([...fetched].sort()).toEqual([
    'GET /npm/a@1.0.0/entry.js',
    'GET /npm/b@1.0.0/entry.js',
    'GET /npm/c@1.0.0/entry.js',
    'GET /npm/raw/more.css',
    'GET /npm/raw/old.js',
  ])
  expect(seen.unknown).toContain('has no environment with `x#1`')
  expect(seen.unknownSheet).toContain('has no environment with `none~none.css`')
  expect(seen.otherDependencies).toContain('has no environment with `a#1` and `usingDependencies` ["dep#1"]')
})

test('files that two prebuilt environments share are fetched once, and their graphs are one', async ({ page, site }) => {
  const shared = { name: 'dep@1.0.0/entry.js', ...site.put('/npm/dep@1.0.0/entry.js', 'export {}', true) }
  const environments = ['a', 'b'].map((name) => {
    const esm = site.made([{ specifier: name, source: `import '../dep@1.0.0/entry.js'; export const name = '${name}'` }]) as Scope
    const manifest = { esm: { ...esm, files: [...esm['files'], shared], graph: { [`${name}@1.0.0`]: ['dep@1.0.0'], 'dep@1.0.0': [] } } }
    return { request: { esm: { modules: [name] } }, manifest }
  })
  site.prebuild(environments)
  const { graph, names } = await page.evaluate(async () => {
    const { install, queryLoadingGraph } = await import('millhand')
    const { a, b } = await install({ esm: ['a', 'b'] })
    return { graph: await queryLoadingGraph({ esm: ['a', 'b'] }), names: [a.name, b.name] }
  })
  expect(names).toEqual(['a', 'b'])
  expect(graph.packages).toEqual({ 'a@1.0.0': ['dep@1.0.0'], 'b@1.0.0': ['dep@1.0.0'], 'dep@1.0.0': [] })
  expect(graph.files.map(({ name }) => name)).toEqual(['a@1.0.0/entry.js', 'dep@1.0.0/entry.js', 'b@1.0.0/entry.js'])
  expect(site.count('/npm/dep@1.0.0/entry.js')).toBe(1)
})

test('a manifest that is not as it should be is refused with what is wrong, and a hint', async ({ page, site }) => {
  const esm = site.made([{ specifier: 'lib', source: 'export {}' }]) as { modules: object[] }
  const manifests = [
    { esm: { ...esm, modules: [] } },
    { esm: { ...esm, modules: [{ ...esm.modules[0], subpath: 7 }] } },
    { esm: { ...esm, graph: { 'lib@1.0.0': 'dep@1.0.0' } } },
    { esm: { ...esm, graph: { 'lib@1.0.0': [7] } } },
  ]
  for (const [index, manifest] of manifests.entries()) {
    site.put(`/${index}.json`, JSON.stringify({ environments: [{ request: { esm: { modules: ['lib'] } }, manifest }] }))
  }
  site.put('/bare.json', JSON.stringify({ environments: [{}] }))
  const errors = await page.evaluate(async () => {
    const { configureInstall, install, WorkersPool } = await import('millhand')
    const { rejection } = await import('support')
    const outcomes = []
    for (const name of ['0', '1', '2', '3', 'bare']) {
      configureInstall({ manifestUrl: `/${name}.json` })
      outcomes.push(await rejection(install({ esm: ['lib'] })))
    }
    configureInstall({ manifestUrl: '/0.json' })
    outcomes.push(await rejection(new WorkersPool({ install: { esm: ['lib'] } }).ready()))
    return outcomes.map(({ code, message, hint }) => ({ code, message, hint }))
  })
  for (const [index, problem] of [
    'the manifest has nothing for `lib`',
    'has no text as `esm.modules[0].subpath`',
    'has no list as `esm.graph["lib@1.0.0"]`',
    'has no text as `esm.graph["lib@1.0.0"]`',
    'lists an environment without its request',
    'the manifest has nothing for `lib`',
  ].entries()) {
    expect(errors[index]).toMatchObject({ code: 'install-failed', hint: expect.stringContaining('export the page anew') })
    expect(errors[index]?.message).toContain(problem)
  }
})

test('a setting that is undefined is as good as none', async ({ page, site }) => {
  const settings = putCdns(site)
  const lib = await page.evaluate(async (settings) => {
    const { configureInstall, install } = await import('millhand')
    configureInstall({ ...settings, esmCdn: new URL(settings.esmCdn) as unknown as string })
    configureInstall({ manifestUrl: undefined, esmCdn: undefined } as unknown as typeof settings)
    return (await install({ esm: { modules: ['lib#^1.2.0'], usingDependencies: ['dep#~2'] } }))['lib'].lib
  }, settings)
  expect(lib).toBe(true)
  expect(site.requests.filter((request) => request.includes('manifest'))).toEqual([])
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

inServedPage('a Python that has a package does not get another version of it, and says so', async ({ page }) => {
  // The server’s own answers, with what is asked for after `==` as the version.
  await page.route('**/millhand/manifest', async (route) => {
    const { pyodide } = route.request().postDataJSON() as { pyodide: { modules?: string[] } }
    const [name, version] = pyodide.modules?.[0]?.split('==') ?? []
    const response = await route.fetch({ postData: JSON.stringify({ pyodide: { modules: name === undefined ? [] : [name] } }) })
    const manifest = (await response.json()) as { pyodide: { lock: { packages: Record<string, { version: string; file_name?: string }> } } }
    const entry = manifest.pyodide.lock.packages[name ?? '']
    if (entry && version !== undefined) entry.version = version
    if (entry && version === '0.1') delete entry.file_name
    await route.fulfill({ json: manifest })
  })
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    await install({ pyodide: [] })
    const lost = await rejection(install({ pyodide: ['numpy==0.1'] }))
    // Both are prepared before either is in the runtime. Which one is first is as it may be.
    const both = await Promise.allSettled([install({ pyodide: ['numpy==99.1'] }), install({ pyodide: ['numpy==99.2'] })])
    const later = await rejection(install({ pyodide: { modules: ['numpy==99.3'], pyodideAlias: 'other' } }))
    const first = both[0].status === 'fulfilled' ? '99.1' : '99.2'
    const again = await install({ pyodide: [`numpy==${first}`] })
    return {
      lost: lost.message,
      both: both.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : outcome.status)),
      first,
      later,
      isSet: 'other' in globalThis,
      sum: again['pyodide'].runPython('import numpy as np; int(np.arange(4).sum())') as number,
    }
  })
  expect(seen.lost).toContain('names no file for the package `numpy`')
  expect(seen.both).toContain('fulfilled')
  const second = seen.first === '99.1' ? '99.2' : '99.1'
  const conflict = (version: string) => `the Python of this page has \`numpy\` ${seen.first}, and cannot have ${version} as well`
  expect(seen.both).toContainEqual(expect.stringContaining(conflict(second)))
  expect(seen.later).toMatchObject({ code: 'install-failed', hint: expect.stringContaining(`\`numpy==${seen.first}\``) })
  expect(seen.later.message).toContain(conflict('99.3'))
  expect(seen).toMatchObject({ isSet: false, sum: 6 })
})

inServedPage('a Python package that does not load in a page fails its install by its name', async ({ page }) => {
  await page.route('**/millhand/manifest', async (route) => {
    const response = await route.fetch({ postData: JSON.stringify({ pyodide: {} }) })
    const { pyodide } = (await response.json()) as { pyodide: { files: object[]; lock: { packages: object } } }
    const lost = { name: 'lost', version: '1', file_name: 'lost.whl', install_dir: 'site', sha256: '', imports: [], depends: [], package_type: 'package' }
    const files = [...pyodide.files, { name: 'lost.whl', url: '/support.js', sha256: null, bytes: null }]
    const lock = { ...pyodide.lock, packages: { ...pyodide.lock.packages, lost } }
    await route.fulfill({ json: { pyodide: { ...pyodide, files, packages: ['lost'], lock } } })
  })
  const error = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    return rejection(install({ pyodide: ['lost'] }))
  })
  expect(error).toMatchObject({ code: 'install-failed', message: expect.stringContaining('these packages do not load: `lost`') })
})
