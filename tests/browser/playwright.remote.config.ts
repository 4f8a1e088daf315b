import { defineConfig } from '@playwright/test'
import base from './playwright.config.js'

/**
 * Remote workers, on a real Ray behind a real server. Ray listens on every address that it finds, so these run in a network that has
 * none but loopback: `cargo xtask test ray`, or as `remote/README.md` says.
 */
export default defineConfig({ ...base, testDir: 'remote', globalSetup: './remote/network.ts', timeout: 180_000 })
