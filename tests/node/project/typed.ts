import type { Message } from 'millhand'
import { isMillhandError, RemoteError, TaskError, WorkersPool } from 'millhand'
import type * as tasks from './tasks.js'

await using pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2, resourceLimits: { maxOldGenerationSizeMb: 128 } } })

const sum: number = await pool.run(({ args }) => args.reduce((sum, x) => sum + x, 0), [1, 2, 3])
// @ts-expect-error: the result is a number
const wrong: Promise<string> = Promise.resolve(pool.run(() => 1))
await wrong

const text: string = await pool.use<typeof tasks>(new URL('./tasks.js', import.meta.url)).shout('hello')

const messages: Message[] = []
const failing = pool.run(function fail(): string {
  throw new RangeError('no')
})
failing.message$.subscribe((message) => messages.push(message))
const error = await failing.then(
  () => null,
  (error: unknown) => error,
)
if (!isMillhandError(error) || !(error instanceof TaskError) || !(error.cause instanceof RemoteError)) throw error
if (messages.length !== 2) throw new Error('messages are missing')
console.log(sum, text, error.reason, error.cause.name)
