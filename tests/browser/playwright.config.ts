import { defineConfig } from '@playwright/test'

/** The browser that set-up found, or Playwright's own. */
const executablePath = process.env['CHROME'] || undefined

export default defineConfig({
  testDir: 'specs',
  outputDir: 'results',
  globalSetup: './server.ts',
  // A pool of eight Python workers fills the machine: tests that boot some side by side would only wait longer.
  workers: 1,
  timeout: 120_000,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      // Containers often run as root and have a small /dev/shm; the pages are our own.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'],
    },
  },
})
