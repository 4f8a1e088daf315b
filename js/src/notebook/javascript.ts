/** Makes functions of compiled cells, whose lines and columns are those of the page's file. */

import type { CellData, Compiled } from './data.js'

/** What code of a cell is called with, by name. */
export type Names = Record<string, unknown>

const HAND_OVER = Symbol.for('millhand.notebook.cell')
type Factory = (...values: unknown[]) => () => Promise<unknown>

/** A cell's function, ready to be called. */
export function cellFunction(file: string, cell: CellData, { code, declares, helper }: Compiled, names: Names): () => Promise<unknown> {
  const accessors = declares.map(({ name, mutable }) => `${name}:[()=>${name}${mutable ? `,v=>{${name}=v}` : ''}]`)
  const opening = `return async function(){${helper}.define({${accessors.join()}});`
  return evaluate(file, cell, names, opening, code, '}')() as () => Promise<unknown>
}

/** A function for a worker, whose text is all that it takes along; and the line of that text at which the cell's code begins. */
export function workerFunction(
  cell: CellData,
  file: string,
  { code, uses, helper }: Compiled,
  functions: Record<string, string>,
): { run: () => Promise<unknown>; codeLine: number } {
  const { capturedIn = [], capturedOut = [] } = cell
  const display = uses.includes('display') && !capturedIn.includes('display')
  const values = capturedIn.filter((name) => !(name in functions))
  const opening = [
    'async function workerCell({args:captured,workerScope,context}){',
    values.length > 0 ? `let {${values.join()}}=captured;` : '',
    ...Object.entries(functions).map(([name, source]) => `let ${name}=${source};`),
    display ? 'const display=(...values)=>{context.sendData({displayed:values})};' : '',
    code.includes(helper) ? `const ${helper}={import:(url)=>import(url),meta:{url:${JSON.stringify(document.baseURI)}}};` : '',
  ].join('')
  const closing = `\nreturn {${capturedOut.join()}}}`
  const run = evaluate(file, cell, {}, `return ${opening}`, code, closing)() as () => Promise<unknown>
  return { run, codeLine: opening.split('\n').length + 1 }
}

/**
 * A function of another cell, as an expression that makes it anew elsewhere.
 * @throws TypeError for one without a source.
 */
export function sourceOf(name: string, value: object): string {
  const source = Function.prototype.toString.call(value)
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new TypeError(`\`${name}\` is native or bound, and has no source to send: wrap it in a function of its own`)
  }
  const isExpression = /^(?:class\b|(?:async\s*)?(?:function\b|\(|[\w$]+\s*=>))/.test(source)
  return isExpression ? `(${source})` : `Object.values({${source}})[0]`
}

function evaluate(file: string, cell: CellData, names: Names, opening: string, code: string, closing: string): Factory {
  let factory: Factory | null = null
  let problem: unknown = null
  const take = (event: ErrorEvent): void => {
    problem = event.error ?? new SyntaxError(event.message)
    event.preventDefault()
    event.stopImmediatePropagation()
  }
  const script = document.createElement('script')
  // A classic script runs at once, and its `import(…)` is relative to the page.
  script.textContent = [
    '\n'.repeat(Math.max(0, cell.firstLine - 2)),
    `globalThis[Symbol.for('millhand.notebook.cell')](function(${Object.keys(names).join()}){"use strict";${opening}`,
    `\n${' '.repeat(cell.firstColumn - 1)}${code}\n${closing}})\n//# sourceURL=${encodeURI(file)}`,
  ].join('')
  const page = globalThis as unknown as Record<symbol, unknown>
  page[HAND_OVER] = (made: Factory): void => {
    factory = made
  }
  addEventListener('error', take, { capture: true })
  try {
    document.head.append(script)
  } finally {
    removeEventListener('error', take, { capture: true })
    delete page[HAND_OVER]
    script.remove()
  }
  if (factory === null) throw problem ?? new Error('the page’s policy does not allow cells to run: it needs inline scripts')
  const made: Factory = factory
  return () => made(...Object.values(names)) as unknown as () => Promise<unknown>
}
