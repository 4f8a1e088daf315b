/** The process of a subject: it runs the workloads that it is told to, one after the other. */

import { runWorkload } from './harness.mjs'

const [folder] = process.argv.slice(2)
globalThis.loadLoop = () => import('./node/loop/pool.mjs')
try {
  const { open } = await import(`./node/${folder}/pool.mjs`)
  process.on('message', async (order) => process.send(await runWorkload(open, order)))
  process.send({})
} catch (error) {
  process.send({ failure: error.message })
}
