/** The script of a remote worker: a process of Node, which whoever starts it speaks to on the descriptors 3 and 4. */

import { decodeValues, encodeBatch } from '../remote/codec.js'
import type { HostMessage } from '../wire/protocol.js'
import { processChannel } from '../worker/node/process-channel.js'
import { startRuntime } from '../worker/runtime.js'

const codec = { encode: encodeBatch, decode: (bytes: Uint8Array) => decodeValues(bytes) as HostMessage[][] }

await startRuntime(processChannel({ input: 3, output: 4 }, codec))
