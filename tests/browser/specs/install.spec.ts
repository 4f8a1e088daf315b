import type { CdnEvent } from 'millhand'
import { expect } from '../fixtures.js'
import { test } from '../static-site.js'

type Scope = Record<string, any>

test('a page installs a package: its alias is given, and on the global scope', async ({ page, site }) => {
  const esm = (await site.rxjs()) as { files: { bytes: number }[] }
  site.prebuild([{ request: { esm: { modules: ['rxjs#^7.8.1'] } }, manifest: { esm } }])
  const { sum, isGlobal, events } = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const events: CdnEvent[] = []
    const { rxjs } = await install({ esm: ['rxjs#^7.8.1 as rxjs'], onEvent: (event) => events.push(event) })
    const sum = await rxjs.lastValueFrom(rxjs.of(1, 2, 3).pipe(rxjs.reduce((a: number, b: number) => a + b)))
    return { sum, isGlobal: (globalThis as Scope)['rxjs'] === rxjs, events }
  })
  expect(sum).toBe(6)
  expect(isGlobal).toBe(true)
  const bytes = esm.files.reduce((sum, file) => sum + file.bytes, 0)
  const steps = events.filter(({ step }) => step !== 'FileProgress')
  expect(steps.map(({ step }) => step)).toEqual([
    'ManifestRequested',
    'ManifestReceived',
    'FileVerified',
    'FileVerified',
    'ModuleImported',
    'Installed',
  ])
  expect(steps[1]).toEqual({ step: 'ManifestReceived', files: 2, bytes, workerId: null })
  for (const { bytes, total } of events.filter((event) => event.step === 'FileProgress')) {
    expect(bytes).toBeLessThanOrEqual(total)
    expect(esm.files.map((file) => file.bytes)).toContain(total)
  }
})

test('names, aliases, side effects and default exports are as they were asked for', async ({ page, site }) => {
  site.prebuild([
    {
      request: { esm: { modules: ['@scope/lib#1', 'history', 'lib', 'lib/sub#^1', 'plain#2', 'wrapped'] } },
      manifest: {
        esm: site.made([
          { specifier: '@scope/lib#1', source: 'export const name = "scoped"' },
          { specifier: 'history', source: 'export const name = "history"' },
          { specifier: 'lib', source: 'export const name = "lib"; export default 1' },
          { specifier: 'lib/sub#^1', subpath: 'sub', source: 'export const name = "sub"' },
          { specifier: 'plain#2', source: 'export const state = []' },
          { specifier: 'wrapped', source: 'export default () => "the default"', defaultOnly: true },
        ]),
      },
    },
  ])
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const scope = globalThis as Scope
    const before = scope['history']
    const modules = ['plain#2', 'lib as L', 'lib/sub#^1', '@scope/lib#1', 'wrapped', 'history']
    const installed = await install({
      esm: {
        modules,
        aliases: { again: 'plain', same: 'L', made: ({ L, plain }) => [L.name, plain.state.length], ofSub: 'lib/sub' },
        modulesSideEffects: {
          plain: async ({ state }) => {
            await null
            state.push('plain')
          },
          // What came before has had its own.
          'lib as L': () => scope['marks'].push('L'),
        },
      },
    }).catch((error: Error) => error.message)
    scope['marks'] = []
    const { again, plain, made, L, same, ofSub, wrapped, ...others } = await install({
      esm: {
        modules,
        aliases: { again: 'plain', same: 'L', made: ({ L, plain }) => [L.name, plain.state.length], ofSub: 'lib/sub' },
        modulesSideEffects: { 'plain#2': ({ state }) => scope['marks'].push(state.length) },
      },
    })
    const asGlobal = scope['wrapped']()
    const unwrapped = await install({ esm: { modules, autoUnwrapDefault: false } })
    return {
      installed,
      nothing: ['again', 'L', 'plain'].map((name) => name in globalThis && name),
      names: [again === plain, same === L, ofSub.name, made, wrapped(), asGlobal, typeof unwrapped['wrapped'].default],
      others: Object.keys(others).sort(),
      scoped: scope['@scope/lib'].name,
      history: [scope['history'] === before, others['history'].name],
      marks: scope['marks'],
    }
  })
  // The first install failed in a side effect: `marks` was not there.
  expect(seen.installed).toContain('the side effects of `lib@1.0.0` threw')
  expect(seen).toMatchObject({
    names: [true, true, 'sub', ['lib', 1], 'the default', 'the default', 'function'],
    others: ['@scope/lib', 'history', 'lib/sub'],
    scoped: 'scoped',
    history: [true, 'history'],
    marks: [1],
  })
})

test('stylesheets are awaited, and there once; side effects get their element', async ({ page, site }) => {
  const css = [
    site.styleSheet('look#^5~look.min.css', '.styled { color: rgb(1, 2, 3) }'),
    site.styleSheet('more~more.css', '.styled { width: 7px; display: block }'),
  ]
  site.put('/own.css', '.styled { height: 9px }')
  site.prebuild([{ request: { css: ['look#^5~look.min.css', 'more~more.css'] }, manifest: { css } }])
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const hrefs: string[] = []
    const events: CdnEvent[] = []
    const inputs = {
      css: [
        'look#^5~look.min.css',
        { module: 'more~more.css', sideEffects: (link: HTMLLinkElement) => void hrefs.push(new URL(link.href).pathname) },
        { url: '/own.css' },
      ],
      onEvent: (event: CdnEvent) => void events.push(event),
    }
    await Promise.all([install(inputs), install(inputs)])
    const { color, width, height } = getComputedStyle(document.querySelector('.styled') as Element)
    await install(inputs)
    return { style: [color, width, height], hrefs, links: document.querySelectorAll('link[rel=stylesheet]').length, events }
  })
  expect(seen.style).toEqual(['rgb(1, 2, 3)', '7px', '9px'])
  expect(seen.hrefs).toEqual(Array(3).fill('/npm/raw/more.css'))
  expect(seen.links).toBe(3)
  const loaded = seen.events.flatMap((event) => (event.step === 'StyleSheetLoaded' ? [event.name.replace(/^http.*:\d+/, '')] : []))
  expect([...new Set(loaded)].sort()).toEqual(['/own.css', 'look#^5~look.min.css', 'more~more.css'])
  expect(seen.events).toContainEqual({ step: 'FileProgress', name: 'more~more.css', bytes: 38, total: 38, workerId: null })
})

test('classic scripts run in order, in the global scope, and once', async ({ page, site }) => {
  const scripts = [
    { specifier: 'old#1~first.js', source: 'var order = ["first"]; var Old = { this: this === window }' },
    { specifier: 'old#1~second.js', source: 'order.push("second")' },
  ]
  const request = { esm: { modules: ['lib'], scripts: ['old#1~first.js', 'old#1~second.js'] } }
  const esm = site.made([{ specifier: 'lib', source: 'export const early = typeof Old' }], scripts)
  site.prebuild([{ request, manifest: { esm } }])
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const inputs = {
      esm: { modules: ['lib'], aliases: { old: () => (globalThis as Scope)['Old'] } },
      scripts: ['old#1~first.js', 'old#1~second.js'],
    }
    const [{ old, lib }] = await Promise.all([install(inputs), install(inputs)])
    return { old, early: lib.early, order: (globalThis as Scope)['order'] }
  })
  expect(seen).toEqual({ old: { this: true }, early: 'undefined', order: ['first', 'second'] })
})

test('concurrent installs share their work, and what is installed is had again without any request', async ({ page, site }) => {
  const esm = await site.rxjs()
  const css = [site.styleSheet('look#^5~look.min.css', 'body { margin: 0 }')]
  site.prebuild([{ request: { esm: { modules: ['rxjs#^7.8.1'] }, css: ['look#^5~look.min.css'] }, manifest: { esm, css } }])
  const inputs = { esm: ['rxjs#^7.8.1 as rxjs'], css: ['look#^5~look.min.css'] }
  const install = () =>
    page.evaluate(async (inputs) => {
      const { install } = await import('millhand')
      const all = await Promise.all([
        install(inputs),
        install({ esm: ['rxjs#^7.8.1 as R'] }),
        install({ css: inputs.css }),
        install(inputs),
      ])
      return all[0]['rxjs'] === all[1]['R'] && all[0]['rxjs'] === all[3]['rxjs']
    }, inputs)
  expect(await install()).toBe(true)
  const first = site.requests.filter((request) => !request.includes('/lib/') || request.includes('manifest'))
  expect(first.sort()).toEqual([
    'GET /lib/manifest.json',
    'GET /npm/a1/rxjs@7.8.2/entry.js',
    'GET /npm/b2/tslib@2.8.1/entry.js',
    'GET /npm/raw/look.min.css',
  ])
  site.requests.length = 0
  expect(await install()).toBe(true)
  expect(site.requests).toEqual([])
})

test('an install that fails leaves nothing behind', async ({ page, site }) => {
  const modules = site.made([
    { specifier: 'good', source: 'export const fine = true' },
    { specifier: 'bad', source: 'throw new RangeError("not today")' },
  ])
  const css = [site.styleSheet('look~look.css', 'body { margin: 3px }')]
  const tampered = site.made([{ specifier: 'tampered', source: 'export const as = "it was hashed"' }])
  site.put('/npm/tampered@1.0.0/entry.js', 'export const as = "it came"')
  site.prebuild([
    { request: { esm: { modules: ['good', 'bad'] } }, manifest: { esm: modules } },
    { request: { esm: { modules: ['tampered'] }, css: ['look~look.css'] }, manifest: { esm: tampered, css } },
  ])
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    const links = (): number => document.querySelectorAll('link[rel=stylesheet]').length
    const css = ['look~look.css']
    const outcome = async (inputs: Parameters<typeof install>[0]) => {
      const { code, message, hint, cause } = await rejection(install(inputs))
      return { code, message, hint, cause: cause?.name, links: links() }
    }
    const failures = {
      threw: await outcome({ css, esm: ['good as g', 'bad as b'] }),
      tampered: await outcome({ css, esm: ['tampered'] }),
      missingCss: await outcome({ css: [...css, { url: '/nowhere.css' }] }),
      sideEffects: await outcome({
        css: [
          {
            module: 'look~look.css',
            sideEffects: () => {
              throw new TypeError('no')
            },
          },
        ],
      }),
      unknown: await outcome({ css, esm: ['good#^3'] }),
    }
    await install({ css })
    const kept = await outcome({ css, esm: ['good as g', 'bad as b'] })
    return { failures, kept, names: ['g', 'b', 'good', 'bad', 'tampered'].filter((name) => name in globalThis) }
  })
  expect(seen.names).toEqual([])
  expect(seen.kept).toMatchObject({ links: 1 })
  expect(seen.failures).toEqual({
    threw: expect.objectContaining({ message: '`bad@1.0.0` cannot be imported: not today', cause: 'RangeError', links: 0 }),
    tampered: expect.objectContaining({ message: expect.stringContaining('was changed on its way'), links: 0 }),
    missingCss: expect.objectContaining({ message: expect.stringContaining('/nowhere.css` could not be loaded'), links: 0 }),
    sideEffects: expect.objectContaining({ message: 'the side effects of `look~look.css` threw: no', links: 0 }),
    unknown: expect.objectContaining({ message: expect.stringContaining('has no environment with'), links: 0 }),
  })
  for (const { code } of Object.values(seen.failures)) expect(code).toBe('install-failed')
})

test('an install can be given up, and is then as if it had never been asked for', async ({ page, site }) => {
  const esm = site.made([{ specifier: 'slow', source: 'export const n = (globalThis.imports = (globalThis.imports ?? 0) + 1)' }])
  site.prebuild([{ request: { esm: { modules: ['slow'] } }, manifest: { esm } }])
  const seen = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    const control = new AbortController()
    const given = rejection(install({ esm: ['slow'], signal: control.signal, onEvent: () => control.abort('enough') }))
    const other = install({ esm: ['slow as mine'] })
    const { code, cause } = await given
    const early = await rejection(install({ esm: ['slow'], signal: AbortSignal.abort() }))
    return { code, cause, early: early.code, n: (await other)['mine'].n, isSet: 'slow' in globalThis }
  })
  expect(seen).toEqual({ code: 'cancelled', cause: 'enough', early: 'cancelled', n: 1, isSet: false })
})

test('what an install would load can be asked for without loading it', async ({ page, site }) => {
  site.prebuild([{ request: { esm: { modules: ['rxjs#^7.8.1'] } }, manifest: { esm: await site.rxjs() } }])
  const graph = await page.evaluate(async () => {
    const { queryLoadingGraph } = await import('millhand')
    return queryLoadingGraph({ esm: ['rxjs#^7.8.1 as rxjs'] })
  })
  expect(graph.packages).toEqual({ 'rxjs@7.8.2': ['tslib@2.8.1'], 'tslib@2.8.1': [] })
  expect(graph.modules).toEqual([
    { specifier: 'rxjs#^7.8.1', name: 'rxjs', version: '7.8.2', url: `${site.url}npm/a1/rxjs@7.8.2/entry.js` },
  ])
  expect(graph.files.map(({ name }) => name)).toEqual(['rxjs@7.8.2/entry.js', 'tslib@2.8.1/entry.js'])
  expect(site.requests.filter((request) => request.includes('/npm/'))).toEqual([])
})
