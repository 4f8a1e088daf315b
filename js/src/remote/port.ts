/**
 * The port over a remote worker. A worker has one process for each runtime that its tasks need: Python, Node, or both; the second one
 * is opened for the first task that needs it. Which functions are of which, their definitions say.
 */

import type { HostPort, HostSink } from '../host.js'
import type { FunctionDefinition, HostMessage, Install, RemoteMachine, WorkerMessage, WorkerSetup } from '../wire/protocol.js'
import { HostKind, WorkerKind } from '../wire/protocol.js'
import { decodeValues, encodeBatch } from './codec.js'
import type { RemoteEngine } from './engine.js'
import { environmentOf, setupOf } from './environment.js'
import type { Failure, Runtime } from './frames.js'

/** Failures that another try would meet again. */
const PERMANENT = ['environment-failed', 'runtime-unknown']

export class RemotePort implements HostPort {
  readonly #engine: RemoteEngine
  readonly #name: string
  readonly #sink: HostSink
  readonly #processes = new Map<Runtime, number>()
  readonly #runtimes = new Map<number, Runtime>()
  /** The runtime of the task that runs. */
  #current: Runtime
  #setup: WorkerSetup | null = null
  #isReady = false
  #isOver = false

  constructor(engine: RemoteEngine, name: string, sink: HostSink) {
    this.#engine = engine
    this.#name = name
    this.#sink = sink
    this.#current = this.#first
  }

  /** @throws TypeError for what cannot be sent, RangeError for too much of it. Nothing was sent then. */
  post(batch: unknown[]): void {
    const bodies = new Map<Runtime, Uint8Array[]>()
    for (const message of batch as HostMessage[]) {
      const runtime = this.#runtimeOf(message)
      const sent = message[0] === HostKind.Install ? this.#install(message, runtime) : message
      bodies.set(runtime, [...(bodies.get(runtime) ?? []), encodeBatch([sent])])
    }
    for (const [runtime, parts] of bodies) this.#engine.send(this.#process(runtime), concat(parts))
  }

  watchLock(): void {
    // The gateway tells of its death.
  }

  terminate(): void {
    this.#isOver = true
    for (const process of this.#processes.values()) this.#engine.closeProcess(process)
    this.#processes.clear()
  }

  /** The runtime whose process is there from the beginning. */
  get #first(): Runtime {
    return this.#engine.plan.runtimes[0] ?? 'javascript'
  }

  #runtimeOf(message: HostMessage): Runtime {
    switch (message[0]) {
      case HostKind.Install:
        return this.#first
      case HostKind.Define: {
        const runtime = runtimeOfFunction(message[2])
        this.#runtimes.set(message[1], runtime)
        return runtime
      }
      case HostKind.Run:
        this.#current = this.#runtimes.get(message[2]) ?? this.#first
        return this.#current
      case HostKind.RunQuick:
        throw new Error('quick tasks are for local workers')
      case HostKind.Data:
      case HostKind.Abort:
      case HostKind.Withdraw:
        return this.#current
    }
  }

  #install([kind, name, setup]: Install, runtime: Runtime): HostMessage {
    this.#setup = setup
    return [kind, name, setupOf(setup, runtime), undefined]
  }

  /** Opened if there is none: what is sent to it may follow at once. */
  #process(runtime: Runtime): number {
    const known = this.#processes.get(runtime)
    if (known !== undefined) return known
    const isFirst = runtime === this.#first
    const packages = environmentOf(this.#engine.plan, this.#setup)
    const process = this.#engine.openProcess(runtime, packages, isFirst, {
      placed: (at) => isFirst && this.#onPlaced(at),
      received: (body) => this.#onReceived(body, isFirst),
      lost: (failure) => this.#onLost(failure),
    })
    this.#processes.set(runtime, process)
    if (!isFirst && this.#setup) {
      const install: HostMessage = [HostKind.Install, this.#name, setupOf(this.#setup, runtime), undefined]
      this.#engine.send(process, encodeBatch([install]))
    }
    return process
  }

  #onPlaced(at: RemoteMachine | null): void {
    const event: WorkerMessage = [WorkerKind.Progress, at ? { step: 'WorkerPlaced', at } : { step: 'WorkerWaiting' }]
    this.#sink.received([event])
  }

  #onReceived(body: Uint8Array, isFirst: boolean): void {
    let messages: WorkerMessage[]
    try {
      messages = (decodeValues(body) as WorkerMessage[][]).flat(1)
    } catch (error) {
      return this.#lose(`it sent what cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
    const heard = isFirst ? messages.map((message) => this.#hear(message)) : messages.filter((message) => this.#hearSecond(message))
    if (heard.length > 0 && !this.#isOver) this.#sink.received(heard)
  }

  #hear(message: WorkerMessage): WorkerMessage {
    if (message[0] === WorkerKind.Ready) this.#isReady = true
    // What a process does not compile is for the other one.
    return message[0] === WorkerKind.Booted ? [WorkerKind.Booted, null, true] : message
  }

  /** The host has heard that the worker is ready: of a second process, it is told of tasks alone. */
  #hearSecond(message: WorkerMessage): boolean {
    switch (message[0]) {
      case WorkerKind.Booted:
      case WorkerKind.Progress:
      case WorkerKind.Ready:
        return false
      case WorkerKind.InstallFailed:
        this.#lose(message[1].message)
        return false
      default:
        return true
    }
  }

  #onLost({ code, message, hint }: Failure): void {
    const sentence = hint === undefined ? message : `${message} (${hint})`
    if (this.#isReady || !PERMANENT.includes(code)) return this.#lose(sentence)
    const error = { name: 'Error', message: sentence, stack: '', properties: { code } }
    if (!this.#isOver) this.#sink.received([[WorkerKind.InstallFailed, error, true]])
  }

  #lose(cause: string): void {
    if (this.#isOver) return
    this.terminate()
    this.#sink.lost(cause)
  }
}

function runtimeOfFunction({ call }: FunctionDefinition): Runtime {
  return call === 'python' ? 'python' : 'javascript'
}

function concat(parts: Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only && parts.length === 1) return only
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
