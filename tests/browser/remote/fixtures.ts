/** A page of a server that has an engine: one cluster of two nodes for all tests. */

import { test as base } from '@playwright/test'
import { Cluster, Server } from './cluster.js'

interface Remote {
  cluster: Cluster
  server: Server
}

export const test = base.extend<object, { remote: Remote }>({
  remote: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const cluster = await Cluster.start()
      try {
        await cluster.addNode(2)
        await cluster.addNode(2)
        const server = await Server.start(cluster)
        await use({ cluster, server })
        await server.end()
      } finally {
        await cluster.end()
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  page: async ({ page, remote }, use, testInfo) => {
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(remote.server.url)
    await use(page)
    if (testInfo.status !== testInfo.expectedStatus) await testInfo.attach('server.log', { path: remote.server.log })
    if (errors.length > 0) throw new AggregateError(errors, `unhandled errors in the page: ${errors.join('; ')}`)
  },
})

export { expect } from '@playwright/test'
