import { expect, test } from '../fixtures.js'

test('functions that use what their worker cannot have are refused at the call, by name', async ({ page }) => {
  const messages = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const { thrown } = await import('support')
    const pool = new WorkersPool({ globals: { given: 1 } })
    const outside = { factor: 3 }
    const refused = {
      closure: ({ args }: { args: number }) => args * outside.factor,
      inTemplate: () => `${'a'} ${outside.factor} b`,
      afterRegex: () => 'a/b'.replace(/[/"]`{/g, 'x') + String(outside),
      shorthand: () => ({ outside }),
      dom: () => document.title,
      storage: () => localStorage.getItem('x'),
      outerThis: new (class {
        value = 1
        read = () => this.value
      })().read,
      method: {
        value: 1,
        read() {
          return this.value
        },
      }.read,
      oldStyle: function () {
        return outside.factor
      },
      updated: () => {
        let n = 0
        n += outside.factor
        return n
      },
    }
    const first = (call: () => unknown) => thrown(call).message.split('\n')[0]
    return Object.fromEntries(
      Object.entries(refused).map(([name, entryPoint]) => [name, first(() => pool.run(entryPoint as () => unknown))]),
    )
  })
  const has = (name: string) => new RegExp(`uses \`${name}\``)
  expect(messages).toEqual({
    closure: expect.stringMatching(has('outside')),
    inTemplate: expect.stringMatching(has('outside')),
    afterRegex: expect.stringMatching(has('outside')),
    shorthand: expect.stringMatching(has('outside')),
    dom: expect.stringMatching(has('document')),
    storage: expect.stringMatching(has('localStorage')),
    outerThis: expect.stringMatching(/uses `this`/),
    method: expect.stringMatching(/uses `this`/),
    oldStyle: expect.stringMatching(has('outside')),
    updated: expect.stringMatching(has('outside')),
  })
})

test('functions that have all they use are let through, whatever they look like', async ({ page }) => {
  const outcomes = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({
      globals: { given: 2, helper: (x: number) => x + 1 },
      postInstallTasks: [{ entryPoint: ({ workerScope }) => (workerScope['laterGlobal'] = 5) }],
      pool: { startAt: 1, stretchTo: 1 },
    })
    const scope = globalThis as unknown as Record<string, number> & { helper: (x: number) => number }
    void scope
    // As text: the transpiler of the tests would change their form.
    const sources = [
      '() => given + helper(1)',
      '({ args = 2 } = {}) => { let a = 1, b; return b }',
      '() => { let sum = 0, i; for (i of [1]) sum += i; return sum }',
      'function(){for(var t=0,n,r=[];t<3;t++)r.push(n);return n}',
      '() => { const { a, b } = { a: 1, b: { c: 2 } }, { c } = b; return a + c }',
      '() => { const [x, y] = [1, 2], [u, v] = [y, x]; return u + v }',
      '() => { const o = { n: 1, inc() { return ++this.n } }; return o.inc() }',
      '() => ({ x: 1, get y() { return this.x } }).y',
      '() => ({ this: 1 }).this',
      '() => { let i = 4; const half = i++ / 2; const url = "https://example.com/path"; return half + url }',
      '() => { const args = { of: 4 }; const t = args.of / 2; const s = "a / b c"; return t + s }',
      '() => { if ("document" in globalThis) return document.title; return 1 }',
      '() => { try { return window.x } catch { return 1 } }',
      '() => { let total = 0, parent; return parent ?? total }',
      '() => laterGlobal',
      '({ args: { a, b: [c, ...rest] } = { a: 1, b: [2, 3] }, context: ctx }) => [a, c, rest.length]',
      '() => { const { x, y: { z: [w = 5] = [] } = {} } = { x: 1 }; return x + w }',
      'function fib() { const go = (n) => n < 2 ? n : go(n - 1) + go(n - 2); return go(10) }',
      '() => { for (const [k, v] of Object.entries({ q: 1 })) { return k + v } }',
      '() => { let i, j = 2, k; i = 1; for (var m = 0, n = 3; m < n; m++) { k = m } return i + j + k }',
      '() => { try { throw new Error("x") } catch { return 1 } }',
      '() => { try { null.x } catch (problem) { return problem.name } }',
      '() => { outer: for (;;) { for (;;) { break outer } } return 1 }',
      '() => typeof window === "undefined" ? 1 : window.x',
      '() => ({ document: 1, get size() { return 2 }, area(w, h) { return w * h }, async *gen() {} }).document',
      '() => [1, 2].map(x => x * 2).reduce((s, v) => s + v, 0)',
      '() => { class Point { px; #hidden = 1; constructor(v) { this.px = v } } return new Point(3).px }',
      '() => 4 / 2 / 1',
      '() => "a//b /* c */ `d` ${e}".length',
      '() => `a ${`b ${1 + 1} c`} d`.length',
      '() => /[/\\\\]x`${y}/.test("z") ? 1 : 0',
      '() => { if (true) /re/.test("a"); return 1 }',
      'async () => { const m = await Promise.resolve(3); return m }',
      '() => { const f = function inner(depth) { return depth ? inner(depth - 1) : 7 }; return f(2) }',
      'a=>{var b,c=1;function d(e){return e+c}return b=d(1),b}',
      '() => { label: { break label } return crypto.randomUUID().length }',
      '({ context: { info }, workerScope }) => workerScope.given',
      '() => { switch (1) { case Number.MAX_VALUE: return 0; default: return 1 } }',
      '() => { const o = { a: 1 }; return o?.a ?? 0 }',
      'x => { with_ = 1; var with_; return 1 }',
      '() => new Function("return 1")()',
      '() => { var {length} = "abc"; return length }',
      '(() => { const cache = new Map(); return () => cache.size })()',
    ]
    const outcomes: Record<string, string> = {}
    for (const source of sources) {
      const entryPoint = new Function(`return (${source})`)() as () => unknown
      outcomes[source] = await Promise.resolve()
        .then(() => pool.run(entryPoint))
        .then(
          () => 'ran',
          (error: Error & { code?: string }) => `${error.code}: ${error.message.split('\n')[0]}`,
        )
    }
    return outcomes
  })
  const { '(() => { const cache = new Map(); return () => cache.size })()': closure, ...others } = outcomes
  expect(Object.entries(others).filter(([, outcome]) => outcome !== 'ran')).toEqual([])
  // The function itself is `() => cache.size`: what it closes over is not sent.
  expect(closure).toContain('uses `cache`')
})
