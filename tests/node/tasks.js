/** A module whose functions run in workers. */

import { createHash } from 'node:crypto'

let calls = 0

export const count = () => (calls += 1)

export const hash = (text) => createHash('sha256').update(text).digest('hex')
