/** A page, as pools see it. */

import type { Platform } from '../api/platform.js'
import { InvalidInputError } from '../common/errors.js'
import { PoolSetups } from '../install/setup.js'
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
  setupsOf: (plan, report, signal) => {
    const { hardwareConcurrency: cores } = navigator
    // As many as the cores boot no later than one would. More of them at once are there sooner by way of an image.
    return new PoolSetups(plan, plan.settings.startAt > cores ? 0 : cores, report, signal)
  },
  // A page stays.
  postsAhead: true,
  hold: () => () => undefined,
  reportError: (error) => reportError(error),
}
