/** A worker's list of tasks by itself: what it keeps is not to be seen from outside. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { build } from 'esbuild'

test('a worker that is never without a task keeps nothing of those that have ended', async () => {
  const source = fileURLToPath(new URL('../../js/src/worker/jobs.ts', import.meta.url))
  const { outputFiles } = await build({ entryPoints: [source], bundle: true, format: 'esm', write: false })
  const { Jobs } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')

  const jobs = new Jobs()
  const seen = []
  for (let taskId = 1; taskId <= 300; taskId++) {
    const args = {}
    seen.push(new WeakRef(args))
    jobs.push({ taskId, args })
    if (taskId > 10) jobs.endFirst()
  }
  await null
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const kept = seen.filter((reference) => reference.deref()).length
  assert.ok(kept < 10 + 64 + 1, `${kept} of 300 tasks are kept, of which 10 have not ended`)
  assert.equal(jobs.first.taskId, 291)
})
