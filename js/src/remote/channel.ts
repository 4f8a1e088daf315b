/**
 * A session's two directions of numbered frames, over one WebSocket after another: after a short disconnect both sides go on where
 * they were, so that nothing is lost and nothing comes twice. It knows nothing of workers.
 */

import type { Loss } from './failures.js'
import { disconnected, tokenRefused, unreachable } from './failures.js'
import type { Failure, Limits, NumberedFrame, ServerFrame, WorkerOrder } from './frames.js'
import { parsePayload, parseServerFrame, payloadFrame, payloadFrameLength, setAck } from './frames.js'

const PROTOCOL = 'millhand.gateway.v1'
/** How long a server may take to answer. */
const CONNECT_TIMEOUT_MS = 15_000
/** Pauses between tries to resume: the first, and the longest. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000
/** What is received is acknowledged after so many frames, and so soon. */
const ACK_FRAMES = 64
const ACK_DELAY_MS = 250
/** So many beats without a frame mean that the connection is broken. */
const SILENT_BEATS = 3

export interface ChannelEvents {
  /** A frame of the server's, once and in its order. */
  told: (frame: NumberedFrame) => void
  received: (worker: number, body: Uint8Array) => void
  /** The session is over, for whatever reason but `close`; nothing comes after. */
  lost: (loss: Loss) => void
}

/** A numbered frame, from its making until it is acknowledged. */
interface Outgoing {
  seq: number
  content: WorkerOrder | Uint8Array<ArrayBuffer>
  /** Of payload; orders do not count. */
  bytes: number
}

export class Channel {
  readonly #url: string
  readonly #protocols: string[]
  readonly #events: ChannelEvents
  #socket: WebSocket | null = null
  /** There once the server has welcomed this client. */
  #session: { id: string; limits: Limits } | null = null
  #isOpen = false
  #isOver = false
  /** When the connection broke, while it is. */
  #brokenAt: number | null = null
  #pause_ms = FIRST_PAUSE_MS
  readonly #timers = new Map<'connect' | 'resume' | 'ack' | 'watch', ReturnType<typeof setTimeout>>()
  #heardAt = 0

  #lastSeq = 0
  /** Not sent yet, in order. */
  #waiting: Outgoing[] = []
  /** Sent and not acknowledged, in order. */
  #unacknowledged: Outgoing[] = []
  #unacknowledgedBytes = 0
  /** The highest number that came and was dealt with. */
  #received = 0
  /** Frames and bytes that came since the last acknowledgement. */
  #owed = { frames: 0, bytes: 0 }

  constructor(url: string, token: string, events: ChannelEvents) {
    this.#url = url
    this.#protocols = [PROTOCOL, `millhand.token.${token}`]
    this.#events = events
    this.#connect()
  }

  order(order: WorkerOrder): void {
    this.#send(order, 0)
  }

  /** @throws RangeError for more than a frame may have. */
  send(worker: number, body: Uint8Array): void {
    const most = this.#session?.limits.frameBytes ?? Infinity
    if (payloadFrameLength(body) > most) {
      throw new RangeError(`a message of ${body.length} bytes is too large for a remote worker: the gateway takes ${most} at the most`)
    }
    // Its number is written here, its acknowledgement when it is sent.
    this.#send(payloadFrame(worker, this.#lastSeq + 1, body), body.length)
  }

  /** Ends the session: its workers are ended, and nothing is reported any more. */
  close(): void {
    this.#isOver = true
    this.#drop(1000)
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, this.#protocols)
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.#greet()
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data)
    socket.onclose = ({ code, reason }) => this.#onClosed(code, reason)
    this.#socket = socket
    this.#setTimer('connect', CONNECT_TIMEOUT_MS, () => this.#onClosed(NO_ANSWER, ''))
  }

  #greet(): void {
    const session = this.#session
    const greeting = session
      ? { type: 'resume', session: session.id, received: this.#received }
      : { type: 'hello', client: 'millhand' }
    this.#socket?.send(JSON.stringify(greeting))
  }

  #hear(data: unknown): void {
    this.#heardAt = performance.now()
    try {
      if (typeof data === 'string') this.#hearText(data)
      else this.#hearPayload(data as ArrayBuffer)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#end(disconnected(this.#url, { code: 'protocol-violated', message: `it sent ${error.message}` }))
    }
  }

  #hearText(text: string): void {
    const frame = parseServerFrame(text)
    if (frame === null) return
    switch (frame.type) {
      case 'error': // The close that follows says it too.
        return
      case 'welcome':
        return this.#onWelcome(frame)
      case 'resumed':
        return this.#onResumed(frame.received)
      case 'ack':
        return this.#onAck(frame.ack)
      default:
        this.#take(frame.seq, frame.ack, text.length, () => this.#events.told(frame))
    }
  }

  #hearPayload(data: ArrayBuffer): void {
    const { worker, seq, ack, body } = parsePayload(data)
    this.#take(seq, ack, body.length, () => this.#events.received(worker, body))
  }

  /** What was dealt with before is acknowledged again, and not dealt with again. */
  #take(seq: number, ack: number, bytes: number, deal: () => void): void {
    this.#onAck(ack)
    if (seq > this.#received + 1) throw new SyntaxError(`frame ${seq} after ${this.#received}`)
    if (seq > this.#received) {
      // Before it is dealt with: that may close this channel, or send, and what is sent acknowledges.
      this.#received = seq
      deal()
    }
    if (this.#isOver) return
    this.#owed.frames += 1
    this.#owed.bytes += bytes
    const most = (this.#session?.limits.windowBytes ?? 0) / 4
    if (this.#owed.frames >= ACK_FRAMES || this.#owed.bytes >= most) this.#acknowledge()
    else if (!this.#timers.has('ack')) this.#setTimer('ack', ACK_DELAY_MS, () => this.#acknowledge())
  }

  #acknowledge(): void {
    if (!this.#isOpen || this.#owed.frames === 0) return
    this.#socket?.send(JSON.stringify({ type: 'ack', ack: this.#received }))
    this.#forgetDebt()
  }

  #forgetDebt(): void {
    this.#owed = { frames: 0, bytes: 0 }
    this.#clearTimer('ack')
  }

  #onWelcome({ session, limits }: ServerFrame & { type: 'welcome' }): void {
    this.#session = { id: session, limits }
    this.#onOpen()
  }

  /** Both sides send again what the other has not received. */
  #onResumed(received: number): void {
    this.#onAck(received)
    this.#onOpen()
  }

  #onOpen(): void {
    this.#clearTimer('connect')
    this.#isOpen = true
    this.#brokenAt = null
    this.#pause_ms = FIRST_PAUSE_MS
    this.#watch()
    this.#acknowledge()
    this.#unacknowledged.forEach((outgoing) => this.#transmit(outgoing))
    this.#pump()
  }

  #onAck(ack: number): void {
    const first = this.#unacknowledged.findIndex(({ seq }) => seq > ack)
    const acknowledged = this.#unacknowledged.splice(0, first === -1 ? this.#unacknowledged.length : first)
    for (const { bytes } of acknowledged) this.#unacknowledgedBytes -= bytes
    if (this.#isOpen) this.#pump()
  }

  #send(content: Outgoing['content'], bytes: number): void {
    if (this.#isOver) return
    this.#lastSeq += 1
    this.#waiting.push({ seq: this.#lastSeq, content, bytes })
    if (this.#isOpen) this.#pump()
  }

  /** Sends what waits, as far as the window allows. */
  #pump(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#unacknowledged.push(next)
      this.#unacknowledgedBytes += next.bytes
      this.#transmit(next)
    }
  }

  #fits({ bytes }: Outgoing): boolean {
    const { windowFrames, windowBytes } = this.#session?.limits ?? { windowFrames: 0, windowBytes: 0 }
    const isAlone = this.#unacknowledgedBytes === 0
    return this.#unacknowledged.length < windowFrames && (isAlone || this.#unacknowledgedBytes + bytes <= windowBytes)
  }

  #transmit({ seq, content }: Outgoing): void {
    if (content instanceof Uint8Array) {
      setAck(content, this.#received)
      this.#socket?.send(content)
    } else {
      this.#socket?.send(JSON.stringify({ ...content, seq, ack: this.#received }))
    }
    this.#forgetDebt()
  }

  /** A server says something at each beat. */
  #watch(): void {
    const { beatMs } = this.#session?.limits ?? { beatMs: CONNECT_TIMEOUT_MS }
    this.#setTimer('watch', beatMs, () => {
      if (performance.now() - this.#heardAt > SILENT_BEATS * beatMs) this.#onClosed(NO_ANSWER, '')
      else this.#watch()
    })
  }

  #onClosed(code: number, reason: string): void {
    if (this.#isOver) return
    const session = this.#session
    this.#drop(code)
    if (code === 4401) return this.#end(tokenRefused(this.#url))
    const final = FINAL[code]
    if (final !== undefined) return this.#end(disconnected(this.#url, { code: final, message: reason || final }))
    if (!session) return this.#end(unreachable(this.#url, code === NO_ANSWER ? 'does not answer' : 'cannot be connected to'))
    this.#brokenAt ??= performance.now()
    if (performance.now() - this.#brokenAt + this.#pause_ms > session.limits.resumeWithinMs) {
      return this.#end(unreachable(this.#url, 'was there, and cannot be connected to any more'))
    }
    this.#setTimer('resume', this.#pause_ms, () => this.#connect())
    this.#pause_ms = Math.min(2 * this.#pause_ms, LONGEST_PAUSE_MS)
  }

  #end(loss: Loss): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#drop(1000)
    this.#events.lost(loss)
  }

  /** Lets go of the socket. */
  #drop(code: number): void {
    const socket = this.#socket
    this.#socket = null
    this.#isOpen = false
    for (const name of [...this.#timers.keys()]) this.#clearTimer(name)
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    // One that was open is closed without a code, unless the session is to end with it.
    if (code === 1000) socket.close(1000)
    else socket.close()
  }

  #setTimer(name: 'connect' | 'resume' | 'ack' | 'watch', delay_ms: number, act: () => void): void {
    this.#clearTimer(name)
    const timer = setTimeout(() => {
      this.#timers.delete(name)
      act()
    }, delay_ms)
    this.#timers.set(name, timer)
  }

  #clearTimer(name: 'connect' | 'resume' | 'ack' | 'watch'): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
  }
}

/** Not a code of WebSockets: nothing came for too long. */
const NO_ANSWER = 0

/** Codes after which a session is over, as the gateway's failures. */
const FINAL: Record<number, Failure['code']> = {
  1009: 'frame-too-large',
  4400: 'protocol-violated',
  4404: 'session-gone',
  4408: 'hello-timeout',
  4409: 'replaced',
  4429: 'session-limit',
}
