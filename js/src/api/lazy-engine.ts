/** The engine of a pool with remote workers. What drives it is loaded when it is first connected to. */

import type { HostEngine, HostEngineSink } from '../host.js'
import type { RemoteEngine } from '../remote/engine.js'
import type { RemotePlan } from './remote-input.js'

export function lazyEngine(plan: RemotePlan): HostEngine {
  let engine: RemoteEngine | null = null
  let sought: HostEngineSink | null = null
  const disconnect = (): void => {
    engine?.close()
    engine = sought = null
  }
  return {
    connect: (sink) => {
      disconnect()
      sought = sink
      import('../remote/engine.js').then(
        ({ RemoteEngine }) => {
          // Unless it was let go of in the meantime.
          if (sought === sink) engine = new RemoteEngine(plan, sink)
        },
        (error: unknown) => sink.lost(error, false),
      )
    },
    openPort: (worker, name, sink) => {
      if (!engine) throw new Error('there is no connection to the engine')
      return engine.openPort(worker, name, sink)
    },
    disconnect,
  }
}
