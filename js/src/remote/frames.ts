/** Frames of the gateway's protocol, see `PROTOCOL.md` of `millhand-gateway`: what is on the WebSocket, and nothing about when. */

import type { RemoteMachine } from '../wire/protocol.js'

export interface Limits {
  frameBytes: number
  windowBytes: number
  windowFrames: number
  workers: number
  resumeWithinMs: number
  beatMs: number
}

export type Runtime = 'python' | 'javascript'

/** What went wrong, by the gateway's own codes. */
export interface Failure {
  code: string
  message: string
  hint?: string
}

/** What a client says about workers. */
export type WorkerOrder =
  | { type: 'open'; worker: number; runtime: Runtime; environment: { python?: string[] }; resources: Resources }
  | { type: 'close'; worker: number }

export interface Resources {
  cpus?: number
  gpus?: number
  memoryBytes?: number
}

/** What a server says in text. */
export type ServerFrame =
  | { type: 'welcome'; session: string; limits: Limits }
  | { type: 'resumed'; received: number }
  | { type: 'ack'; ack: number }
  | { type: 'error'; failure: Failure }
  | ({ seq: number; ack: number } & NumberedFrame)

/** What it says that is numbered. */
export type NumberedFrame =
  /** `runtimes`: with `up`. */
  | { type: 'engine'; state: 'starting' | 'up' | 'down'; runtimes?: string[]; error?: Failure }
  | { type: 'worker'; worker: number; state: 'waiting' | 'placed'; at?: RemoteMachine }
  | { type: 'lost'; worker: number; failure: Failure }

/** Bytes before a payload. */
const HEADER = 20

export interface Payload {
  worker: number
  seq: number
  ack: number
  body: Uint8Array
}

/** A payload as a frame; where its `ack` stands, the newest one is written when it is sent. */
export function payloadFrame(worker: number, seq: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER + body.length)
  const view = new DataView(frame.buffer)
  view.setUint32(0, worker)
  view.setBigUint64(4, BigInt(seq))
  frame.set(body, HEADER)
  return frame
}

export function payloadFrameLength(body: Uint8Array): number {
  return HEADER + body.length
}

export function setAck(frame: Uint8Array, ack: number): void {
  new DataView(frame.buffer, frame.byteOffset).setBigUint64(12, BigInt(ack))
}

/** @throws SyntaxError for what is no payload. */
export function parsePayload(data: ArrayBuffer): Payload {
  if (data.byteLength < HEADER) throw new SyntaxError(`a payload of ${data.byteLength} bytes`)
  const view = new DataView(data)
  const [worker, seq, ack] = [view.getUint32(0), Number(view.getBigUint64(4)), Number(view.getBigUint64(12))]
  return { worker, seq, ack, body: new Uint8Array(data, HEADER) }
}

/** @throws SyntaxError for what no server says; `null` for a type of a later version that is not numbered. */
export function parseServerFrame(text: string): ServerFrame | null {
  const frame = JSON.parse(text) as unknown
  if (typeof frame !== 'object' || frame === null || !('type' in frame)) throw new SyntaxError('a frame without a `type`')
  const check = FIELDS[String(frame.type)]
  if (check === undefined) {
    if ('seq' in frame) throw new SyntaxError(`a frame of the unknown type \`${String(frame.type)}\``)
    return null
  }
  const wrong = Object.entries(check).find(([name, type]) => typeOf((frame as Record<string, unknown>)[name]) !== type)
  if (wrong) throw new SyntaxError(`a frame \`${String(frame.type)}\` whose \`${wrong[0]}\` is no ${wrong[1]}`)
  return frame as ServerFrame
}

const NUMBERED = { seq: 'number', ack: 'number' }
const FIELDS: Record<string, Record<string, string>> = {
  welcome: { session: 'string', limits: 'object' },
  resumed: { received: 'number' },
  ack: { ack: 'number' },
  error: { failure: 'object' },
  engine: { ...NUMBERED, state: 'string' },
  worker: { ...NUMBERED, worker: 'number', state: 'string' },
  lost: { ...NUMBERED, worker: 'number', failure: 'object' },
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
}
