/** Pools of Python workers, and which way each worker came up. */

import type { CdnEvent, WorkersPoolInput } from 'millhand'
import type { Page } from '@playwright/test'

/** Makes a pool, runs `source` in each of its workers, and gives what they say, and which way they came up. */
export async function runOnEach(page: Page, input: WorkersPoolInput, source = '1', after?: 'kept') {
  return page.evaluate(
    async ({ input, source, after }) => {
      const { WorkersPool } = await import('millhand')
      const events: CdnEvent[] = []
      const pool = new WorkersPool({ ...input, cdnEvent$: { next: (event) => events.push(event) } })
      await pool.ready()
      const ids = Object.keys(pool.workers$.value)
      const values = await Promise.all(ids.map((targetWorkerId) => pool.python(source, {}, { targetWorkerId })))
      if (after === 'kept') {
        // The builder keeps the image after it was handed over.
        const database = await new Promise<IDBDatabase>((resolve) => {
          const opening = indexedDB.open('millhand-images')
          opening.onsuccess = () => resolve(opening.result)
        })
        const count = () =>
          new Promise<number>((resolve) => {
            const counting = database.transaction('entries').objectStore('entries').count()
            counting.onsuccess = () => resolve(counting.result)
          })
        while ((await count()) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
        database.close()
      }
      pool.terminate()
      const starts = events.flatMap((event) => (event.step === 'PythonStarting' ? [event.from] : []))
      const reasons = events.flatMap((event) => (event.step === 'ImageUnavailable' ? [`${event.instead}: ${event.reason}`] : []))
      return { values, starts, reasons, steps: events.map(({ step }) => step).filter((step) => step.startsWith('Image')) }
    },
    { input, source, after },
  )
}

export const numpy = (workers: number, more: object = {}): WorkersPoolInput => ({
  install: { pyodide: { modules: ['numpy'], ...more } },
  pool: { startAt: workers, stretchTo: workers },
})

export const FOUR_DRAWS = `
import random, uuid, numpy, secrets, tempfile
[random.random(), numpy.random.random(), numpy.random.default_rng().random(), str(uuid.uuid4()), secrets.token_hex(8)]`
