import { defineConfig } from '@playwright/test'
import type { ImageOptions } from './fixtures.js'

/** The browser that set-up found, or Playwright's own. */
const executablePath = process.env['CHROME'] || undefined

/** What has Python in its workers. */
const PYTHON_SPECS = /specs\/(cancel|environment|pypi|python)\.spec\.ts/

export default defineConfig<ImageOptions>({
  testDir: 'specs',
  outputDir: 'results',
  globalSetup: './server.ts',
  // A pool of eight Python workers fills the machine: tests that boot some side by side would only wait longer.
  workers: 1,
  timeout: 120_000,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  projects: [
    { name: 'all' },
    { name: 'every Python from an image', testMatch: PYTHON_SPECS, use: { image: 'wait' } },
    { name: 'no Python from an image', testMatch: PYTHON_SPECS, use: { image: false } },
  ],
  use: {
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      // Containers often run as root and have a small /dev/shm; the pages are our own.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
    },
  },
})
