/** Values on their way to remote workers and back: the codec by itself, without a browser. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from '@playwright/test'
import { build } from 'esbuild'

interface Codec {
  encodeValue: (value: unknown) => Uint8Array
  decodeValues: (bytes: Uint8Array) => unknown[]
}

let codec: Codec
let folder: string

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millhand-codec-'))
  const outfile = join(folder, 'codec.mjs')
  const source = fileURLToPath(new URL('../../../js/src/remote/codec.ts', import.meta.url))
  await build({ entryPoints: [source], bundle: true, format: 'esm', outfile, logLevel: 'error' })
  codec = (await import(pathToFileURL(outfile).href)) as Codec
})

test.afterAll(() => rm(folder, { recursive: true }))

const there = (value: unknown): unknown => codec.decodeValues(codec.encodeValue(value))[0]

test('what structured cloning copies arrives as it was', () => {
  const values: unknown[] = [
    undefined,
    null,
    [undefined, null, { a: undefined }],
    [true, 0, -1, 1.5, 2 ** 40, -(2 ** 53), Infinity, 'ü\u{1f600}', ''],
    2n ** 80n,
    -1n,
    new Date(0),
    new Map<unknown, unknown>([['a', new Set([1, [2]])], [undefined, { b: null }]]),
    /a.b/gu,
    { nested: { deep: [{ er: new Date(5) }] } },
    new Uint8Array([1, 2, 3]),
    new Float64Array([0.5, -2]),
    new BigInt64Array([-3n]),
    new Int16Array([]),
  ]
  for (const value of values) expect(there(value)).toEqual(value)
  expect((there(new Date(NaN)) as Date).getTime()).toBeNaN()
  const bytes = there([{ a: new Uint8Array([7]) }]) as [{ a: Uint8Array }]
  expect(bytes[0].a.buffer.byteLength).toBe(1)
  expect(there(new Uint8Array([1, 2]).buffer)).toEqual(new Uint8Array([1, 2]).buffer)
  const view = there(new DataView(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2)) as DataView
  expect([view.byteLength, view.getUint8(0), view.getUint8(1)]).toEqual([2, 1, 2])
  expect(there(new Float64Array([1, 2, 3]).subarray(1))).toEqual(new Float64Array([2, 3]))
})

test('an error arrives with its name, its cause and its properties', () => {
  const error = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 7 })
  expect(there({ error })).toMatchObject({ error: { name: 'RangeError', message: 'too far', code: 7, cause: { message: 'why' } } })
})

test('what cannot be sent is refused by its path', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  let deep: unknown = 1
  for (let level = 0; level < 200; level += 1) deep = [deep]
  const refusals: [value: unknown, message: string][] = [
    [{ a: [() => 1] }, '`value.a.0` is a function'],
    [{ a: Symbol('x') }, '`value.a` is a symbol'],
    [{ files: [new Blob(['x'])] }, '`value.files.0` is a `Blob`'],
    [cycle, '`value.self` contains itself'],
    [deep, 'is nested more than 100 levels deep'],
    [new SharedArrayBuffer(8), '`value` is a `SharedArrayBuffer`'],
  ]
  for (const [value, message] of refusals) expect(() => codec.encodeValue(value)).toThrow(message)
  expect(there([cycle, cycle].map(() => ({ shared: 1 })))).toEqual([{ shared: 1 }, { shared: 1 }])
})

test('bytes that are no values are an error, whatever they are', () => {
  let [state, read, refused] = [1, 0, 0]
  const random = (): number => (state = (state * 48_271) % 2_147_483_647)
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Uint8Array.from({ length: random() % 24 }, () => random() % 256)
    try {
      codec.decodeValues(bytes)
      read += 1
    } catch (error) {
      if (!(error instanceof Error)) throw new Error(`it threw ${String(error)}`)
      refused += 1
    }
  }
  expect(read).toBeGreaterThan(1_000)
  expect(refused).toBeGreaterThan(1_000)
})
