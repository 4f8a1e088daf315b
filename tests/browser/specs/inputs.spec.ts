import { readFile } from 'node:fs/promises'
import { expect, test } from '../fixtures.js'

test('inputs that cannot be meant are typed errors that name the field and the value', async ({ page }) => {
  const errors = await page.evaluate(async () => {
    const { InvalidInputError, WorkersPool } = await import('millhand')
    const { thrown, rejection } = await import('support')
    type Input = ConstructorParameters<typeof WorkersPool>[0]
    const inputs: [name: string, input: unknown][] = [
      ['start above stretch', { pool: { startAt: 3, stretchTo: 2 } }],
      ['min above max', { pool: { min: 3, max: 2 } }],
      ['negative size', { pool: { startAt: -1 } }],
      ['half a worker', { pool: { stretchTo: 1.5 } }],
      ['no worker at all', { pool: { startAt: 0, stretchTo: 0 } }],
      ['too many workers', { pool: { startAt: 0, stretchTo: 5_000 } }],
      ['a size twice', { pool: { startAt: 1, min: 1 } }],
      ['an unknown option', { pool: { strechTo: 2 } }],
      ['bounds that pages cannot set', { pool: { resourceLimits: { stackSizeMb: 4 } } }],
      ['a specifier with a blank', { install: { pyodide: ['num py'] } }],
      ['a specifier that is no string', { install: { pyodide: [7] } }],
      ['modules that are no list', { install: { pyodide: { modules: 'numpy' } } }],
      ['an alias that is no name', { install: { pyodide: { modules: [], pyodideAlias: 'my-python' } } }],
      ['a version that is none', { install: { pyodide: { version: 'newest' } } }],
      ['an installer that pools lack', { install: { backends: ['x'] } }],
      ['a global that cannot be cloned', { globals: { options: { node: document.createElement('p') } } }],
      ['a global without a name', { globals: { 'a-b': 1 } }],
      ['a native global', { globals: { say: console.log } }],
      ['a post-install task without a function', { postInstallTasks: [{ title: 'x', entryPoint: 'boom' }] }],
    ]
    const errors: Record<string, string> = {}
    for (const [name, input] of inputs) {
      const error = thrown(() => new WorkersPool(input as Input))
      errors[name] = `${error.name} ${error.field}: ${error.message.split('\n')[0]}`
    }
    const pool = new WorkersPool({ pool: { startAt: 1, stretchTo: 2 } })
    type Schedule = Parameters<typeof pool.schedule>[0]
    const tasks: [name: string, task: unknown][] = [
      ['an entry point that is text', { entryPoint: '() => 1' }],
      ['a bound entry point', { entryPoint: function () {}.bind(null) }],
      ['a class as entry point', { entryPoint: class Task {} }],
      ['args with a function', { entryPoint: () => 1, args: { options: { onDone: () => 1 } } }],
      ['args with a promise in a map', { entryPoint: () => 1, args: new Map([['later', Promise.resolve()]]) }],
      ['a worker that never was', { entryPoint: () => 1, targetWorkerId: 'w99' }],
      ['a priority that is no number', { entryPoint: () => 1, priority: 'high' }],
      ['an unknown task option', { entryPoint: () => 1, tilte: 'x' }],
      ['a title that is no text', { entryPoint: () => 1, title: 7 }],
      ['no time at all', { entryPoint: () => 1, timeout: 0 }],
      ['a queue time that is text', { entryPoint: () => 1, queueTimeout: '5' }],
      ['half a retry', { entryPoint: () => 1, retries: 0.5 }],
      ['a signal that is none', { entryPoint: () => 1, signal: {} }],
      ['a transfer that is no list', { entryPoint: () => 1, transfer: new ArrayBuffer(1) }],
      ['a replay below nothing', { entryPoint: () => 1, replay: -1 }],
    ]
    for (const [name, task] of tasks) {
      const error = thrown(() => pool.schedule(task as Schedule))
      errors[name] = `${error.name} ${error.field}: ${error.message.split('\n')[0]}`
    }
    const calls: [name: string, call: () => unknown][] = [
      ['no task', () => pool.schedule(undefined as unknown as Schedule)],
      ['a function for a task', () => pool.schedule((() => 1) as unknown as Schedule)],
      ['map over a number', () => pool.map(7 as unknown as number[], (x) => x)],
      ['map in chunks of nothing', () => pool.map([1], (x) => x, { chunk: 0 })],
      ['map with a signal that is none', () => pool.map([1], (x) => x, { signal: {} as AbortSignal })],
      ['a module without a url', () => pool.use(7 as unknown as string)],
      ['Python without a source', () => pool.python(undefined as unknown as string)],
      ['a size that does not fit', () => pool.resize({ stretchTo: 0 })],
      ['a broadcast of text', () => void pool.broadcast('x' as unknown as () => 1)],
      ['no message', () => pool.sendData(undefined as unknown as { taskId: string; data: 1 })],
      ['spares below nothing', () => new WorkersPool({ pool: { spares: -1 } })],
      ['neither queue nor workers', () => new WorkersPool({ pool: { startAt: 0, maxQueue: 0 } })],
      ['no idle time', () => new WorkersPool({ pool: { idleTimeout: 0 } })],
      ['null for a time', () => new WorkersPool({ pool: { bootTimeout: null as unknown as number } })],
      ['a grace that is text', () => new WorkersPool({ pool: { cancelGrace: '1' as unknown as number } })],
      ['a bad default', () => new WorkersPool({ pool: { defaults: { timeout: -1 } } })],
      ['an observer that is none', () => new WorkersPool({ cdnEvent$: {} as { next: () => void } })],
    ]
    for (const [name, call] of calls) {
      const error = thrown(call)
      errors[name] = `${error.name} ${error.field}`
    }
    errors['data for no task'] = thrown(() => pool.sendData({ taskId: 't77', data: 1 })).message
    errors['a reserve above stretch'] = (await rejection(pool.reserve({ workersCount: 3 }))).message
    errors['a negative reserve'] = (await rejection(pool.reserve({ workersCount: -1 }))).message
    // Nothing else is disturbed.
    errors['afterwards'] = String(await pool.run(({ args }) => args + 1, 1))
    return { errors, isTyped: new InvalidInputError('a', 1, 'b') instanceof Error }
  })
  expect(errors.isTyped).toBe(true)
  expect(errors.errors).toEqual({
    'start above stretch': 'InvalidInputError pool.startAt: `pool.startAt` (3) is greater than `pool.stretchTo` (2)',
    'min above max': 'InvalidInputError pool.min: `pool.min` (3) is greater than `pool.max` (2)',
    'negative size': 'InvalidInputError pool.startAt: `pool.startAt` (-1) is not a whole number from 0 to 1024',
    'half a worker': 'InvalidInputError pool.stretchTo: `pool.stretchTo` (1.5) is not a whole number from 1 to 1024',
    'no worker at all': 'InvalidInputError pool.stretchTo: `pool.stretchTo` (0) is not a whole number from 1 to 1024',
    'too many workers': 'InvalidInputError pool.stretchTo: `pool.stretchTo` (5000) is not a whole number from 1 to 1024',
    'a size twice': 'InvalidInputError pool.min: `pool.min` (1) is another name of `pool.startAt`: give one',
    'an unknown option': 'InvalidInputError pool.strechTo: `pool.strechTo` (2) is not an option',
    'bounds that pages cannot set':
      'InvalidInputError pool.resourceLimits: `pool.resourceLimits` ({"stackSizeMb":4}) is for Node: a page cannot bound its workers',
    'a specifier with a blank': 'InvalidInputError install.pyodide[0]: `install.pyodide[0]` ("num py") is not a specifier: character 5: a version such as `==2.1`, a range (`==`, `>=`, `<=`, `~=`, `!=`, `>` or `<`), or the end is expected',
    'a specifier that is no string': 'InvalidInputError install.pyodide[0]: `install.pyodide[0]` (7) is not a specifier',
    'modules that are no list':
      'InvalidInputError install.pyodide.modules: `install.pyodide.modules` ("numpy") is not an array',
    'an alias that is no name':
      'InvalidInputError install.pyodide.pyodideAlias: `install.pyodide.pyodideAlias` ("my-python") is not a JavaScript identifier',
    'a version that is none':
      'InvalidInputError install.pyodide.version: `install.pyodide.version` ("newest") is not a version that workers can run',
    'an installer that pools lack': 'InvalidInputError install.backends: `install.backends` (["x"]) cannot be had: millhand installs what runs in browsers',
    'a global that cannot be cloned':
      'InvalidInputError globals.options.node: `globals.options.node` ({}) is a DOM node, which cannot be copied into a worker',
    'a global without a name': 'InvalidInputError globals: `globals` ("a-b") has a name that is no JavaScript identifier',
    'a native global':
      'InvalidInputError globals.say: `globals.say` (function log) is native or bound, and has no source to send',
    'a post-install task without a function':
      'InvalidInputError postInstallTasks[0].entryPoint: `postInstallTasks[0].entryPoint` ("boom") is not a function',
    'an entry point that is text': 'InvalidInputError entryPoint: `entryPoint` ("() => 1") is not a function',
    'a bound entry point':
      'InvalidInputError entryPoint: `entryPoint` (function bound ) is native or bound, and has no source to send',
    'a class as entry point': 'InvalidInputError entryPoint: `entryPoint` (function Task) is a class',
    'args with a function':
      'InvalidInputError args.options.onDone: `args.options.onDone` (function onDone) is a function, which cannot be copied into a worker',
    'args with a promise in a map':
      'InvalidInputError args.get(later): `args.get(later)` ({}) is a `Promise`, which cannot be copied into a worker',
    'a worker that never was': 'InvalidInputError targetWorkerId: `targetWorkerId` ("w99") is no worker of this pool',
    'a priority that is no number': 'InvalidInputError priority: `priority` ("high") is not a whole number from -1000000 to 1000000',
    'an unknown task option': 'InvalidInputError task.tilte: `task.tilte` ("x") is not an option',
    'a title that is no text': 'InvalidInputError title: `title` (7) is not a string',
    'no time at all': 'InvalidInputError timeout: `timeout` (0) is not a whole number from 1 to 2147483647',
    'a queue time that is text':
      'InvalidInputError queueTimeout: `queueTimeout` ("5") is not a whole number from 1 to 2147483647',
    'half a retry': 'InvalidInputError retries: `retries` (0.5) is not a whole number from 0 to 100',
    'a signal that is none': 'InvalidInputError signal: `signal` ({}) is not an AbortSignal',
    'a transfer that is no list': 'InvalidInputError transfer: `transfer` ({}) is not an array',
    'a replay below nothing': 'InvalidInputError replay: `replay` (-1) is not a whole number from 0 to 1000000',
    'no task': 'InvalidInputError task',
    'a function for a task': 'InvalidInputError task',
    'map over a number': 'InvalidInputError items',
    'map in chunks of nothing': 'InvalidInputError chunk',
    'map with a signal that is none': 'InvalidInputError signal',
    'a module without a url': 'InvalidInputError url',
    'Python without a source': 'InvalidInputError source',
    'a size that does not fit': 'InvalidInputError stretchTo',
    'a broadcast of text': 'InvalidInputError entryPoint',
    'no message': 'InvalidInputError message',
    'spares below nothing': 'InvalidInputError pool.spares',
    'neither queue nor workers': 'InvalidInputError pool.maxQueue',
    'no idle time': 'InvalidInputError pool.idleTimeout',
    'null for a time': 'InvalidInputError pool.bootTimeout',
    'a grace that is text': 'InvalidInputError pool.cancelGrace',
    'a bad default': 'InvalidInputError pool.defaults.timeout',
    'an observer that is none': 'InvalidInputError cdnEvent$',
    'data for no task': '`taskId` ("t77") is no task of this pool',
    'a reserve above stretch': '`workersCount` (3) is greater than `pool.stretchTo` (2)',
    'a negative reserve': '`workersCount` (-1) is not a whole number from 0 to 1024',
    afterwards: '2',
  })
})

test('the page takes the specifiers that the server takes', async ({ page }) => {
  const file = new URL('../../../crates/millhand-packages/tests/specifiers.json', import.meta.url)
  const cases = JSON.parse(await readFile(file, 'utf8')) as { good: string[]; bad: string[] }
  const refused = await page.evaluate(async (specifiers) => {
    const { WorkersPool } = await import('millhand')
    return specifiers.filter((specifier) => {
      try {
        new WorkersPool({ install: { pyodide: [specifier] }, pool: { startAt: 0 } }).terminate()
        return false
      } catch {
        return true
      }
    })
  }, [...cases.good, ...cases.bad])
  expect(refused).toEqual(cases.bad)
})

test('the page writes Python specifiers as the server does, whatever their number of digits', async ({ page }) => {
  const file = new URL('../../../crates/millhand-packages/tests/specifiers.json', import.meta.url)
  const { normal } = JSON.parse(await readFile(file, 'utf8')) as { normal: Record<string, string> }
  const asked: string[] = []
  await page.route('**/millhand/manifest', (route) => {
    asked.push((route.request().postDataJSON() as { pyodide: { modules: string[] } }).pyodide.modules[0] ?? '')
    return route.fulfill({ status: 422, json: { error: { code: 'none', message: 'none' } } })
  })
  await page.evaluate(async (specifiers) => {
    const { install } = await import('millhand')
    for (const specifier of specifiers) await install({ pyodide: [specifier] }).catch(() => null)
  }, Object.keys(normal))
  expect(asked).toEqual(Object.values(normal))
})

test('globals that a worker needs for itself, and packages that are no list, are refused by name', async ({ page }) => {
  const fields = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    return [
      thrown(() => new WorkersPool({ globals: { postMessage: 1 } })).field,
      thrown(() => new WorkersPool({ install: { pyodide: 'numpy' as unknown as string[] } })).message.split('\n')[0],
    ]
  })
  expect(fields).toEqual(['globals.postMessage', '`install.pyodide` ("numpy") is not a list of packages'])
})
