/** A page, as pools see it. */

import type { Platform } from '../api/platform.js'
import { prepareSetup } from '../install/setup.js'
import { openBrowserPort } from './browser-port.js'

export const platform: Platform = {
  openPort: openBrowserPort,
  machine: () => {
    const { hardwareConcurrency, deviceMemory } = navigator as Navigator & { deviceMemory?: number }
    return { cores: hardwareConcurrency, memory_gb: deviceMemory }
  },
  baseUrl: () => location.href,
  prepareSetup,
  // A page stays.
  hold: () => () => undefined,
  reportError: (error) => reportError(error),
}
