/** A worker's Python from an image. */

import type { Pyodide } from '../environment/pyodide.js'
import type { PythonImage } from '../wire/image.js'
import type { PythonSetup } from '../wire/protocol.js'
import { bootFromParts } from './boot.js'

/** Many times what the slowest of restores takes; less than a pool waits for a sign of progress. */
const DEADLINE_MS = 30_000

/**
 * A runtime that has the packages of `setup`.
 * @throws whatever goes wrong within Pyodide: its private parts are used.
 */
export async function restore(setup: PythonSetup, image: PythonImage): Promise<Pyodide> {
  const pyodide = await bootFromParts(setup, image, image.runtime, { options: {}, deadline_ms: DEADLINE_MS })
  // As `loadPackage` would have noted: it does not load them once more.
  for (const name of setup.packages) pyodide.loadedPackages[name] = 'default channel'
  if (image.memory) pyodide.runPython(RENEW, { globals: pyodide.toPy({}), filename: 'millhand' })
  return pyodide
}

/**
 * What was drawn from the system's entropy before the memory was taken is the same in all workers. These generators draw anew;
 * `secrets`, `uuid`, `os.urandom` and NumPy's `default_rng` ask the system each time. And the memory may have been taken in another
 * time zone: the constants of `time` are those of here.
 */
const RENEW = `
import sys, time
from js import Date

if random := sys.modules.get("random"):
    random.seed()
if numpy_random := sys.modules.get("numpy.random"):
    numpy_random.seed()

def offset_s(month):
    return int(Date.new(Date.new().getFullYear(), month, 1).getTimezoneOffset()) * 60

def name_of(offset):
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"UTC{'-' if offset >= 0 else '+'}{hours:02}{minutes:02}"

january, july = offset_s(0), offset_s(6)
time.timezone, time.altzone, time.daylight = max(january, july), min(january, july), int(january != july)
time.tzname = name_of(time.timezone), name_of(time.altzone)`
