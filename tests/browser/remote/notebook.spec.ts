/** Pages of a notebook whose server has an engine. */

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cell, LOCKFILE, outputOf, runAll, serveNotebook } from '../notebook-server.js'
import { expect, test } from './fixtures.js'
import { python } from './places.js'

const CELL = (token: string): string => `
const { WorkersPool } = await webpm.installWorkersPoolModule()
const remote = { url: '/', token: '${token}', stretchTo: 1, javascript: false, python: [] }
const pool = new WorkersPool({ install: { pyodide: [] }, pool: { startAt: 0, stretchTo: 1, remote } })
const source = 'import sys\\nf"{sys.platform} {args[\\'n\\'] + 1}"'
display(await pool.python(source, { n: 41 }, { target: 'remote' }))
pool.terminate()`

test('a cell has remote workers', async ({ page, remote }) => {
  const { environment, port } = remote.cluster
  const token = 'a-token-of-the-notebook'
  const folder = await mkdtemp(join(tmpdir(), 'notebook-'))
  await copyFile(LOCKFILE, join(folder, 'millhand.lock'))
  await writeFile(join(folder, 'a.md'), `# A\n\n${cell(CELL(token))}`)
  const engine = ['--offline', '--engine', `ray://127.0.0.1:${port}`, '--python', python()]
  const notebook = await serveNotebook(folder, engine, { ...environment, MILLHAND_TOKEN: token })
  try {
    await runAll(page, `${notebook.url}a`)
    await expect(outputOf(page, 0)).toContainText('linux 42')
  } finally {
    await notebook.end()
    await rm(folder, { recursive: true, force: true })
  }
})
