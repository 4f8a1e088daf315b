import { readFile } from 'node:fs/promises'
import { expect, test } from '../fixtures.js'

test('installs that cannot be meant are refused at the call, and say where', async ({ page }) => {
  const seen = await page.evaluate(async () => {
    const { install, configureInstall, WorkersPool } = await import('millhand')
    const { rejection, thrown } = await import('support')
    const say = ({ name, field, message }: { name: string; field?: string; message: string }) => `${name} ${field}: ${message.split('\nhint')[0]}`
    type Inputs = Parameters<typeof install>[0]
    const inPage = async (inputs: unknown) => say(await rejection(install(inputs as Inputs)))
    const inPool = (install: unknown, globals = {}) =>
      say(thrown(() => new WorkersPool({ install: install as Inputs, globals })))
    return {
      blank: await inPage({ esm: ['rx js#^7'] }),
      range: await inPage({ esm: { modules: ['a', 'rxjs#^^7'] } }),
      alias: await inPage({ esm: ['rxjs as rx-js'] }),
      scope: await inPage({ esm: ['@scope#1'] }),
      path: await inPage({ css: ['bootstrap#5~../secret.css'] }),
      noText: await inPage({ esm: [7] }),
      noList: await inPage({ esm: 'rxjs' }),
      twice: await inPage({ esm: ['rxjs#6 as R', 'rxjs#7 as R'] }),
      sameName: await inPage({ esm: ['rxjs#6', 'rxjs#7'] }),
      aliasTwice: await inPage({ esm: { modules: ['rxjs as R'], aliases: { R: 'rxjs' } } }),
      aliasOfNothing: await inPage({ esm: { modules: ['rxjs'], aliases: { R: 'rxjx' } } }),
      aliasOfTwo: await inPage({ esm: { modules: ['rxjs#6 as a', 'rxjs#7 as b'], aliases: { R: 'rxjs' } } }),
      sideEffects: await inPage({ esm: { modules: ['rxjs'], modulesSideEffects: { rxjs: 'x' } } }),
      unwrap: await inPage({ esm: { modules: [], autoUnwrapDefault: 'no' } }),
      file: await inPage({ esm: ['rxjs~dist/x.js'] }),
      document: await inPage({ esm: ['x as document'] }),
      scriptAlias: await inPage({ esm: { scripts: ['old~x.js as X'] } }),
      scriptModule: await inPage({ scripts: ['codemirror/lib/x.js'] }),
      dependency: await inPage({ esm: { modules: ['rxjs'], usingDependencies: ['tslib'] } }),
      css: await inPage({ css: [{ module: 'a~b.css', url: '/c.css' }] }),
      cssAlias: await inPage({ css: ['a~b.css as c'] }),
      pythonAlias: await inPage({ esm: ['x as pyodide'], pyodide: [] }),
      backends: await inPage({ backends: ['x'] }),
      option: await inPage({ ems: [] }),
      onEvent: await inPage({ onEvent: 7 }),
      poolCss: inPool({ css: ['bootstrap#5~a.css'] }),
      poolNative: inPool({ esm: { modules: ['a'], aliases: { b: Math.max } } }),
      poolNeeded: inPool({ esm: ['a as postMessage'] }),
      poolGlobal: inPool({ esm: ['a as b'] }, { b: 1 }),
      poolBlank: inPool({ esm: ['a b'] }),
      poolScript: inPool({ esm: { scripts: ['codemirror/lib/x.js'] } }),
      settings: say(thrown(() => configureInstall({ esmCdn: 'http://[' }))),
      noCdn: say(thrown(() => configureInstall({ esmCdn: null as unknown as string }))),
    }
  })
  const invalid = (field: string, message: string) => `InvalidInputError ${field}: \`${field}\` ${message}`
  expect(seen).toEqual({
    blank: invalid('esm[0]', '("rx js#^7") is not a specifier: character 4: `as` or the end is expected\n  rx js#^7\n     ^'),
    range: invalid('esm.modules[1]', '("rxjs#^^7") is not a specifier: character 7: a number, `x` or `*` is expected\n  rxjs#^^7\n        ^'),
    alias: invalid('esm[0]', '("rxjs as rx-js") is not a specifier: character 11: a character of a variable’s name, or the end is expected\n  rxjs as rx-js\n            ^'),
    scope: invalid('esm[0]', '("@scope#1") is not a specifier: character 7: `/` after the scope is expected\n  @scope#1\n        ^'),
    path: invalid('css[0]', '("bootstrap#5~../secret.css") is not a specifier: character 13: the name of a file or folder is expected\n  bootstrap#5~../secret.css\n              ^'),
    noText: invalid('esm[0]', '(7) is not a specifier'),
    noList: invalid('esm', '("rxjs") is not an object'),
    twice: invalid('esm[1]', '("rxjs#7 as R") gives the name `R`, which `esm[0]` has given already'),
    sameName: invalid('esm[1]', '("rxjs#7") gives the name `rxjs`, which `esm[0]` has given already'),
    aliasTwice: invalid('esm.aliases.R', '("rxjs") gives the name `R`, which `esm.modules[0]` has given already'),
    aliasOfNothing: invalid('esm.aliases.R', '("rxjx") is none of the modules'),
    aliasOfTwo: invalid('esm.aliases.R', '("rxjs") means more than one module'),
    sideEffects: invalid('esm.modulesSideEffects.rxjs', '("x") is not a function'),
    unwrap: invalid('esm.autoUnwrapDefault', '("no") is not true or false'),
    file: invalid('esm[0]', '("rxjs~dist/x.js") names a file, and not a module'),
    document: invalid('esm[0]', '("x as document") gives the name `document`, which cannot be given'),
    scriptAlias: invalid('esm.scripts[0]', '("old~x.js as X") has an alias, which it cannot have'),
    scriptModule: invalid('scripts[0]', '("codemirror/lib/x.js") names a module, and not a file'),
    dependency: invalid('esm.usingDependencies[0]', '("tslib") is not a package and its version'),
    css: invalid('css[0]', '({"module":"a~b.css","url":"/c.css"}) has not one of `module` and `url`'),
    cssAlias: invalid('css[0]', '("a~b.css as c") has an alias, which it cannot have'),
    pythonAlias: invalid('pyodide', '([]) gives the name `pyodide`, as `esm` does'),
    backends: invalid('backends', '(["x"]) cannot be had: millhand installs what runs in browsers'),
    option: 'InvalidInputError ems: `ems` ([]) is not an option',
    onEvent: invalid('onEvent', '(7) is not a function'),
    poolCss: invalid('install.css', '(["bootstrap#5~a.css"]) is for pages only: workers have no document'),
    poolNative: invalid('install.esm.aliases.b', '(function max) is native or bound, and has no source to send'),
    poolNeeded: invalid('install.esm[0]', '("a as postMessage") gives the name `postMessage`, which cannot be given'),
    poolGlobal: invalid('globals.b', '(1) has a name that `install` gives too'),
    poolBlank: invalid('install.esm[0]', '("a b") is not a specifier: character 3: `as` or the end is expected\n  a b\n    ^'),
    poolScript: invalid('install.esm.scripts[0]', '("codemirror/lib/x.js") names a module, and not a file'),
    settings: invalid('settings.esmCdn', '("http://[") is not a url'),
    noCdn: invalid('settings.esmCdn', '(null) is not a url'),
  })
})

test('the page takes the npm specifiers that the server takes', async ({ page }) => {
  const file = new URL('../../../crates/millhand-packages/tests/npm-specifiers.json', import.meta.url)
  const cases = JSON.parse(await readFile(file, 'utf8')) as { good: { specifier: string }[]; bad: string[] }
  const refused = await page.evaluate(
    async (specifiers) => {
      const { install } = await import('millhand')
      const refused: string[] = []
      for (const specifier of specifiers) {
        // Given up at once, but looked at before. Some name files, which are no modules.
        const error: unknown = await install({ esm: [specifier], signal: AbortSignal.abort() }).catch((error) => error as unknown)
        if (String(error).includes('is not a specifier')) refused.push(specifier)
      }
      return refused
    },
    [...cases.good.map(({ specifier }) => specifier), ...cases.bad],
  )
  expect(refused).toEqual(cases.bad)
})

test('a script that is named as a module is refused with the name of its file', async ({ page }) => {
  const hint = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { rejection } = await import('support')
    return (await rejection(install({ scripts: ['codemirror/lib/x.js#5'] }))).hint
  })
  expect(hint).toBe('a file of a package is `codemirror#5~lib/x.js`')
})

test('an install of nothing is done at once, and asks nobody', async ({ page }) => {
  const requests: string[] = []
  page.on('request', (request) => requests.push(new URL(request.url()).pathname))
  const seen = await page.evaluate(async () => {
    const { install, queryLoadingGraph, WorkersPool } = await import('millhand')
    const empty = [
      { esm: [] },
      { scripts: [] },
      { esm: { usingDependencies: ['tslib#2.8.1'] } },
      { esm: { aliases: { seven: () => 7 } } },
    ]
    const pools = empty.map((install) => new WorkersPool({ install, pool: { startAt: 1, stretchTo: 1 } }))
    const inPools = await Promise.all(pools.map((pool) => pool.run(({ workerScope }) => workerScope['seven'] as unknown)))
    for (const pool of pools) pool.terminate()
    return { inPage: await Promise.all(empty.map((inputs) => install(inputs))), inPools, graph: await queryLoadingGraph({ esm: [] }) }
  })
  expect(seen.inPage).toEqual([{}, {}, {}, { seven: 7 }])
  expect(seen.inPools).toEqual([undefined, undefined, undefined, 7])
  expect(seen.graph).toEqual({ packages: {}, modules: [], scripts: [], css: [], pyodide: null, files: [] })
  expect(requests.filter((path) => path.includes('manifest'))).toEqual([])
})
