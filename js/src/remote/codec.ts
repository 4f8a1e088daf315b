/**
 * Values as MessagePack, with extension types for what structured cloning has besides: see `PROTOCOL.md` of `millhand-gateway`.
 * Used at both ends: by a pool, and by a worker that is a process of Node.
 */

import { decodeMulti, encode, ExtData, ExtensionCodec } from '@msgpack/msgpack'
import { isErrorRecord, RemoteError, toErrorRecord } from '../wire/errors.js'
import type { ErrorRecord } from '../wire/protocol.js'

/** Extension types. */
const Type = { Undefined: 0, Date: 1, BigInt: 2, Map: 3, Set: 4, Error: 5, Binary: 6, RegExp: 7 } as const

/** The deepest that values may be nested. */
const MAX_DEPTH = 100

/**
 * @throws TypeError that says what of `value` cannot be sent, and where it is: functions, blobs, cycles, what is nested too deeply.
 */
export function encodeValue(value: unknown, name = 'value'): Uint8Array {
  return encodePlain(toPlain(value, [name]))
}

/**
 * A batch of messages.
 * @throws TypeError as {@link encodeValue}, of a value in one of them.
 */
export function encodeBatch(batch: readonly (readonly unknown[])[]): Uint8Array {
  return encodePlain(batch.map((message) => message.map((value) => toPlain(value, ['value'], [batch, message]))))
}

/**
 * The values that stand in `bytes`, one after another.
 * @throws Error for bytes that are none.
 */
export function decodeValues(bytes: Uint8Array): unknown[] {
  // Nothing has more members than there are bytes: memory is not taken for what is only announced.
  const most = bytes.length
  const bounds = { maxStrLength: most, maxBinLength: most, maxArrayLength: most, maxMapLength: most, maxExtLength: most }
  return Array.from(decodeMulti(bytes, { extensionCodec: codec, ...bounds }), withOwnBytes)
}

/** Bytes are views of the whole message at first; who is given them may look at their buffer. */
function withOwnBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = withOwnBytes(item)
  } else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, item] of Object.entries(value)) (value as Record<string, unknown>)[key] = withOwnBytes(item)
  }
  return value
}

const codec = new ExtensionCodec()
codec.register({ type: Type.Undefined, encode: () => null, decode: () => undefined })
codec.register({ type: Type.Date, encode: () => null, decode: (data) => new Date(viewOf(data).getFloat64(0)) })
codec.register({ type: Type.BigInt, encode: () => null, decode: (data) => BigInt(new TextDecoder().decode(data)) })
codec.register({ type: Type.Map, encode: () => null, decode: (data) => new Map(pairs(decodeOne(data) as unknown[])) })
codec.register({ type: Type.Set, encode: () => null, decode: (data) => new Set(decodeOne(data) as unknown[]) })
codec.register({ type: Type.Error, encode: () => null, decode: decodeError })
codec.register({ type: Type.Binary, encode: () => null, decode: decodeBinary })
codec.register({
  type: Type.RegExp,
  encode: () => null,
  decode: (data) => new RegExp(...(decodeOne(data) as [source: string, flags: string])),
})

/** A value with an `ExtData` in the place of all that MessagePack has no form for. `path` is where it stands. */
function toPlain(value: unknown, path: string[], within: readonly object[] = []): unknown {
  switch (typeof value) {
    case 'undefined':
      return UNDEFINED
    case 'bigint':
      return new ExtData(Type.BigInt, new TextEncoder().encode(String(value)))
    case 'function':
    case 'symbol':
      throw unsendable(path, `is a ${typeof value}`)
    case 'object':
      return value === null ? null : objectToPlain(value, path, within)
    default:
      return value
  }
}

const UNDEFINED = new ExtData(Type.Undefined, new Uint8Array())

function objectToPlain(value: object, path: string[], within: readonly object[]): unknown {
  if (within.includes(value)) throw unsendable(path, 'contains itself')
  if (within.length >= MAX_DEPTH) throw unsendable(path, `is nested more than ${MAX_DEPTH} levels deep`)
  const inner = [...within, value]
  const member = (item: unknown, name: string): unknown => toPlain(item, [...path, name], inner)
  const list = (items: Iterable<unknown>): Uint8Array => encodePlain([...items].map((item, index) => member(item, String(index))))
  if (Array.isArray(value)) return Array.from(value, (item, index) => member(item, String(index)))
  if (value instanceof Date) return new ExtData(Type.Date, bigEndianFloat(value.getTime()))
  if (value instanceof Map) return new ExtData(Type.Map, list([...value].flat(1)))
  if (value instanceof Set) return new ExtData(Type.Set, list(value))
  if (value instanceof RegExp) return new ExtData(Type.RegExp, list([value.source, value.flags]))
  if (value instanceof Error) return new ExtData(Type.Error, encodePlain(member(toErrorRecord(value), 'error')))
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return binary(Kind.ArrayBuffer, new Uint8Array(value))
  if (ArrayBuffer.isView(value)) return viewToPlain(value, path)
  if (value instanceof Boolean || value instanceof Number || value instanceof String) return value.valueOf()
  // A platform's own objects (blobs, files, images) have no members to speak of, and would arrive empty.
  if (!isPlain(value)) throw unsendable(path, `is a \`${value.constructor?.name ?? 'foreign object'}\``)
  const record = isErrorRecord(value) ? withSendable(value, inner) : value
  return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, member(item, key)]))
}

/** An error is told in any case, without what it carries besides and cannot be sent. */
function withSendable({ cause, ...record }: ErrorRecord, within: readonly object[]): ErrorRecord {
  const isSendable = (value: unknown): boolean => {
    try {
      toPlain(value, [], within)
      return true
    } catch {
      return false
    }
  }
  const properties = Object.fromEntries(Object.entries(record.properties).filter(([, value]) => isSendable(value)))
  return { ...record, properties, ...(cause && isSendable(cause) ? { cause } : {}) }
}

function isPlain(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function unsendable(path: string[], problem: string): TypeError {
  return new TypeError(`\`${path.join('.')}\` ${problem}, and cannot be sent to another machine`)
}

function encodePlain(value: unknown): Uint8Array {
  return encode(value, { extensionCodec: codec, maxDepth: MAX_DEPTH + 1 })
}

function decodeOne(data: Uint8Array): unknown {
  return decodeValues(data)[0]
}

function pairs(items: unknown[]): [unknown, unknown][] {
  return Array.from({ length: items.length / 2 }, (_, index) => [items[2 * index], items[2 * index + 1]])
}

function decodeError(data: Uint8Array): unknown {
  const record = decodeOne(data)
  return isErrorRecord(record) ? new RemoteError(record) : record
}

/** Kinds of binary data, the first byte of the extension; the elements follow, little-endian. */
const Kind = { ArrayBuffer: 0, DataView: 12 } as const

const ARRAYS: Record<number, new (buffer: ArrayBuffer) => ArrayBufferView> = {
  1: Int8Array,
  3: Uint8ClampedArray,
  4: Int16Array,
  5: Uint16Array,
  6: Int32Array,
  7: Uint32Array,
  8: Float32Array,
  9: Float64Array,
  10: BigInt64Array,
  11: BigUint64Array,
  12: DataView,
}

function viewToPlain(view: ArrayBufferView, path: string[]): ExtData {
  const kind = Object.keys(ARRAYS).find((kind) => view.constructor === ARRAYS[Number(kind)])
  if (kind === undefined) throw unsendable(path, `is a \`${view.constructor.name}\``)
  return binary(Number(kind), new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
}

function binary(kind: number, bytes: Uint8Array): ExtData {
  const data = new Uint8Array(1 + bytes.length)
  data[0] = kind
  data.set(bytes, 1)
  return new ExtData(Type.Binary, data)
}

function decodeBinary(data: Uint8Array): unknown {
  const [kind = -1] = data
  // A copy, so that elements are aligned.
  const buffer = data.slice(1).buffer as ArrayBuffer
  if (kind === Kind.ArrayBuffer) return buffer
  const Elements = ARRAYS[kind]
  if (!Elements) throw new TypeError(`binary data of the unknown kind ${kind}`)
  return new Elements(buffer)
}

function bigEndianFloat(value: number): Uint8Array {
  const data = new Uint8Array(8)
  viewOf(data).setFloat64(0, value)
  return data
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
