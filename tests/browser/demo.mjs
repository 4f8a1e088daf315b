/**
 * Runs the π example in a real headless browser and tells how it goes: `node demo.mjs URL`, where URL is that of a
 * running `millhand serve examples`. The last line is the result; the exit code is 0 if no task failed.
 */

import { chromium } from '@playwright/test'

/** An install or a run that says nothing for this long is stuck. */
const SILENCE_MS = 120_000
const PROGRESS_EVERY_MS = 1_000

const [url] = process.argv.slice(2)
if (!url) {
  console.error('usage: node demo.mjs URL')
  process.exit(2)
}

const browser = await chromium.launch({
  ...(process.env.CHROME ? { executablePath: process.env.CHROME } : {}),
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
})
try {
  const outcome = await run(await browser.newPage())
  const { tasks, failed, workers, pi, seconds } = outcome
  const rate = (tasks / seconds).toFixed(1)
  console.log(
    `demo: tasks=${tasks} failed=${failed} workers=${workers} pi=${pi.toFixed(6)} seconds=${seconds.toFixed(2)} tasks_per_s=${rate}`,
  )
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await browser.close()
}

/** Resolves with the page's last word; rejects if it fails or falls silent. */
async function run(page) {
  let lastSaid = Date.now()
  let lastShown = 0
  const ended = new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      if (Date.now() - lastSaid > SILENCE_MS) finish(() => reject(new Error(`no progress for ${SILENCE_MS / 1_000} s`)))
    }, PROGRESS_EVERY_MS)
    const finish = (settle) => {
      clearInterval(watch)
      settle()
    }
    page.on('crash', () => finish(() => reject(new Error('the page crashed'))))
    page.on('pageerror', (error) => finish(() => reject(error)))
    page.exposeFunction('tellDemo', (said) => {
      lastSaid = Date.now()
      switch (said.kind) {
        case 'install':
          return showInstall(said)
        case 'progress':
          if (lastSaid - lastShown < PROGRESS_EVERY_MS) return
          lastShown = lastSaid
          return showProgress(said)
        case 'failure':
          return finish(() => reject(new Error(said.message)))
        case 'task-failure':
          return console.error(said.message)
        case 'end':
          return finish(() => resolve(said))
      }
    })
  })
  ended.catch(() => undefined)
  await page.addInitScript(() => addEventListener('pi', (event) => globalThis.tellDemo(event.detail)))
  await page.goto(new URL('pi/?run=all', url).href)
  return ended
}

function showInstall({ step, workerId, name, bytes, files, version, packages }) {
  const detail = [name, version, packages?.join(', '), files && `${files} files`, bytes && `${(bytes / 1e6).toFixed(1)} MB`]
  console.log(`  ${workerId ?? 'page'}: ${[step, ...detail.filter(Boolean)].join(' ')}`)
}

function showProgress({ tasks, done, failed, workers, pi, seconds }) {
  const rate = (done / seconds).toFixed(1)
  console.log(`  ${done}/${tasks} tasks, ${failed} failed, ${workers} workers, pi=${pi.toFixed(5)}, ${rate} tasks/s`)
}
