/** npm packages of workers: from the `node_modules` of the program's own project. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { configureInstall } from 'millhand'
import { onePool, rejection } from './support.js'

/** A project with packages of its own; files by their path. */
function project(t, files) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millhand-project-')))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  configureInstall({ project: folder })
  t.after(() => configureInstall({ project: import.meta.url }))
  return folder
}

const PACKAGES = {
  'node_modules/modern/package.json': {
    name: 'modern',
    version: '2.1.0',
    type: 'module',
    exports: { '.': { import: './index.js' }, './extra': './extra.js' },
  },
  'node_modules/modern/index.js': `import { name } from 'deep'\nexport const greet = (who) => \`\${name} greets \${who}\``,
  'node_modules/modern/extra.js': 'export default 7',
  'node_modules/deep/package.json': { name: 'deep', version: '1.0.0', main: 'main.cjs' },
  'node_modules/deep/main.cjs': "exports.name = 'deep'",
  'node_modules/@old/classic/package.json': { name: '@old/classic', version: '0.3.0' },
  'node_modules/@old/classic/lib/classic.js': 'var classic = { made: this === globalThis }',
  'node_modules/@old/classic/min/classic.min.js': 'var classic = 1',
  'node_modules/broken/package.json': { name: 'broken', version: '1.0.0', main: 'index.js' },
  'node_modules/broken/index.js': "throw new Error('it needs the moon')",
}

test('packages of the project, by their names, aliases and subpaths', async (t) => {
  const pool = onePool(t, {
    install: { esm: { modules: ['lodash#^4 as _', 'rxjs#^7.8', 'rxjs/operators as ops'], aliases: { chunk: ({ _ }) => _.chunk } } },
  })
  const seen = await pool.run(({ workerScope: { _, rxjs, ops, chunk } }) => [
    _.chunk([1, 2, 3], 2),
    typeof rxjs.Observable,
    typeof ops.map,
    chunk === _.chunk,
  ])
  assert.deepEqual(seen, [[[1, 2], [3]], 'function', 'function', true])
})

test('packages that have `import` alone, dependencies, a default export, and classic scripts', async (t) => {
  project(t, PACKAGES)
  const pool = onePool(t, {
    install: {
      esm: {
        modules: ['modern#^2 as modern', 'modern/extra as extra'],
        scripts: ['@old/classic~classic.js'],
        usingDependencies: ['deep#1.0.0'],
        modulesSideEffects: { modern: (module) => (globalThis.effect = module.greet('effects')) },
      },
    },
  })
  const seen = await pool.run(({ workerScope }) => [
    workerScope.modern.greet('you'),
    workerScope.extra,
    workerScope.effect,
    workerScope.classic,
  ])
  assert.deepEqual(seen, ['deep greets you', 7, 'deep greets effects', { made: true }])
})

test('what is missing, does not fit or does not run is named, with what to do', async (t) => {
  const folder = project(t, PACKAGES)
  const failure = async (install) => (await rejection(onePool(t, { install }).ready())).message
  const cases = [
    [['left-pad#^1.3.0'], ['`left-pad` is not installed', folder, 'npm install left-pad@^1.3.0']],
    [['modern#^1.0.0 as m'], ['`modern` is installed in version 2.1.0', '`^1.0.0` is asked for', 'npm install modern@^1.0.0']],
    [['modern/nothing as m'], ['`modern/nothing` is no module of the package', 'modern']],
    [['broken'], ['`broken@1.0.0` cannot be imported', 'it needs the moon']],
    [{ modules: [], usingDependencies: ['deep#^2.0.0'] }, ['`deep` is installed in version 1.0.0']],
    [{ scripts: ['@old/classic~nothing.js'] }, ['has no file `nothing.js`']],
  ]
  for (const [esm, texts] of cases) {
    const message = await failure({ esm })
    for (const text of texts) assert.ok(message.includes(text), `${message} has no ${text}`)
  }
})

test('a task of a pool that cannot have its packages exits so', async (t) => {
  const error = await rejection(onePool(t, { install: { esm: ['no-such-package-here'] } }).run(() => 1))
  assert.equal(error.reason, 'InstallFailed')
  assert.match(error.message, /`no-such-package-here` is not installed/)
})
