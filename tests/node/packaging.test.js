/**
 * The package as users get it: packed, installed into a fresh project, and used there by a program in JavaScript and one in
 * TypeScript. What it depends on comes from this repository's `node_modules`, so that no network is needed.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram } from './support.js'

const require = createRequire(import.meta.url)
const folderOf = (name) => realpathSync(dirname(require.resolve(`${name}/package.json`)))
const npm = (args, cwd) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

let project

before(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'millhand-packaging-')))
  cpSync(fileURLToPath(new URL('./project', import.meta.url)), project, { recursive: true })
  const rxjs = folderOf('rxjs')
  const tslib = dirname(createRequire(join(rxjs, 'package.json')).resolve('tslib/package.json'))
  for (const folder of [folderOf('millhand'), rxjs, tslib]) npm(['pack', folder, '--ignore-scripts', '--pack-destination', project], project)
  const tarballs = readdirSync(project).filter((name) => name.endsWith('.tgz'))
  assert.equal(tarballs.length, 3)
  npm(['install', '--offline', '--no-audit', '--no-fund', ...tarballs.map((name) => `./${name}`)], project)
})

after(() => rmSync(project, { recursive: true, force: true }))

test('a program in JavaScript', async () => {
  const { code, stdout, stderr } = await runProgram(['main.js'], { cwd: project })
  assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: '1 4 9 16\nHELLO\nWorkerLost\n' })
})

test('a program in TypeScript, whose types are checked', async () => {
  const compiler = join(folderOf('typescript'), 'bin/tsc')
  const typeRoots = dirname(folderOf('@types/node'))
  const compiled = await runProgram([compiler, '--project', '.', '--typeRoots', typeRoots], { cwd: project })
  assert.deepEqual([compiled.code, compiled.stdout], [0, ''])
  const { code, stdout, stderr } = await runProgram(['out/typed.js'], { cwd: project })
  assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: '6 HELLO Threw RangeError\n' })
})
