/** A page, as pools see it. */

import type { Platform } from '../api/platform.js'
import { InvalidInputError } from '../common/errors.js'
import { prepareSetup } from '../install/setup.js'
import { openBrowserPort } from './browser-port.js'

export const platform: Platform = {
  portOpener: ({ resourceLimits }) => {
    if (resourceLimits === null) return openBrowserPort
    throw new InvalidInputError('pool.resourceLimits', resourceLimits, 'is for Node: a page cannot bound its workers')
  },
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
