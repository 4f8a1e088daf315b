import { defineConfig } from '@playwright/test'
import base from './playwright.config.js'

/**
 * Tests that take long, and that not every change needs:
 * `cargo xtask test browser -- --config playwright.long.config.ts`. Their figures go to the terminal.
 */
export default defineConfig({ ...base, testDir: 'long', timeout: 3_600_000 })
