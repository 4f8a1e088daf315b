/** An engine behind a gateway: one session, and in it the processes that the ports of remote workers have. */

import type { HostEngineSink, OpenPort } from '../host.js'
import type { RemotePlan } from '../api/remote-input.js'
import { Channel } from './channel.js'
import type { Loss } from './failures.js'
import { engineDown, runtimeMissing } from './failures.js'
import type { Failure, NumberedFrame, Runtime } from './frames.js'
import type { RemoteMachine } from '../wire/protocol.js'
import { RemotePort } from './port.js'

/** A worker of the gateway's: one process on the engine's machines. */
export interface ProcessEvents {
  /** It waits for a machine, or has one. */
  placed: (at: RemoteMachine | null) => void
  received: (body: Uint8Array) => void
  /** It is gone; nothing comes after. */
  lost: (failure: Failure) => void
}

/** One connection's worth of an engine: made when it is to be connected to, and never used again once it is lost. */
export class RemoteEngine {
  readonly plan: RemotePlan
  readonly #channel: Channel
  readonly #sink: HostEngineSink
  readonly #processes = new Map<number, ProcessEvents>()
  #lastProcess = 0
  #isOver = false

  constructor(plan: RemotePlan, sink: HostEngineSink) {
    this.plan = plan
    this.#sink = sink
    this.#channel = new Channel(plan.url, plan.token, {
      told: (frame) => this.#hear(frame),
      received: (worker, body) => this.#processes.get(worker)?.received(body),
      lost: (loss) => this.#lose(loss),
    })
  }

  readonly openPort: OpenPort = (_, name, sink) => new RemotePort(this, name, sink)

  /** A new process, which what is sent to it may follow at once. */
  openProcess(runtime: Runtime, packages: string[], isFirst: boolean, events: ProcessEvents): number {
    const worker = (this.#lastProcess += 1)
    this.#processes.set(worker, events)
    const environment = runtime === 'python' && packages.length > 0 ? { python: packages } : {}
    // A worker's second process takes turns with its first.
    const resources = isFirst ? this.plan.resources : { cpus: 0 }
    this.#channel.order({ type: 'open', worker, runtime, environment, resources })
    return worker
  }

  /** @throws RangeError for more than a frame may have. */
  send(process: number, body: Uint8Array): void {
    this.#channel.send(process, body)
  }

  closeProcess(process: number): void {
    if (this.#processes.delete(process) && !this.#isOver) this.#channel.order({ type: 'close', worker: process })
  }

  /** Ends it with all of its processes; it reports nothing more. */
  close(): void {
    this.#isOver = true
    this.#channel.close()
  }

  #onUp(runtimes: string[]): void {
    const missing = this.plan.runtimes.find((runtime) => !runtimes.includes(runtime))
    if (missing === undefined) this.#sink.ready()
    else this.#lose(runtimeMissing(this.plan.url, missing, runtimes))
  }

  #hear(frame: NumberedFrame): void {
    switch (frame.type) {
      case 'engine':
        if (frame.state === 'up') this.#onUp(frame.runtimes ?? [])
        else if (frame.state === 'down') this.#lose(engineDown(this.plan.url, frame.error))
        return
      case 'worker':
        return this.#processes.get(frame.worker)?.placed(frame.at ?? null)
      case 'lost': {
        const process = this.#processes.get(frame.worker)
        this.#processes.delete(frame.worker)
        return process?.lost(frame.failure)
      }
    }
  }

  #lose({ error, permanent }: Loss): void {
    if (this.#isOver) return
    this.close()
    this.#sink.lost(error, permanent)
  }
}
