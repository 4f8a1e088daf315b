/** Sees that the network has nothing but loopback, and brings that up: Ray runs what it is told by whoever can reach it. */

import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { python, PYTHON_PATH } from './places.js'

const BRING_UP = `
from millhand_ray.engine import bring_up_loopback
bring_up_loopback()`

export default function prepareNetwork(): void {
  const others = Object.keys(networkInterfaces()).filter((name) => name !== 'lo')
  if (others.length > 0) {
    throw new Error(`the network has ${others.join(', ')}: run these tests as tests/browser/remote/README.md says`)
  }
  execFileSync(python(), ['-c', BRING_UP], { env: { ...process.env, PYTHONPATH: PYTHON_PATH } })
}
