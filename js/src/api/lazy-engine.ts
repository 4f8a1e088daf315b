/** The engine of a pool with remote workers. What drives it is loaded when it is first connected to. */

import type { HostEngine, HostEngineSink } from '../host.js'
import { isMillhandError, MillhandError } from '../common/errors.js'
import type { RemoteEngine } from '../remote/engine.js'
import type { RemotePlan } from './remote-input.js'

export function lazyEngine(plan: RemotePlan): HostEngine {
  let engine: RemoteEngine | null = null
  let sought: HostEngineSink | null = null
  const disconnect = (): void => {
    engine?.close()
    engine = sought = null
  }
  const open = async (sink: HostEngineSink): Promise<void> => {
    const { RemoteEngine } = await import('../remote/engine.js')
    if (typeof WebSocket === 'undefined') {
      throw new MillhandError('unsupported', 'remote workers need `WebSocket`, which this Node does not have', { hint: 'use Node 22 or later' })
    }
    // Unless it was let go of in the meantime.
    if (sought === sink) engine = new RemoteEngine(plan, sink)
  }
  return {
    connect: (sink) => {
      disconnect()
      sought = sink
      open(sink).catch((error: unknown) => {
        if (sought === sink) sink.lost(error, isMillhandError(error))
      })
    },
    openPort: (worker, name, sink) => {
      if (!engine) throw new Error('there is no connection to the engine')
      return engine.openPort(worker, name, sink)
    },
    disconnect,
  }
}
