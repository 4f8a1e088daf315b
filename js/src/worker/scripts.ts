/** Classic scripts in a module worker, which has no `importScripts`. */

import { scope } from '#scope'
import type { ScriptRecord } from '../wire/protocol.js'

/**
 * Runs a script in the global scope. Indirect `eval` is what does that; where a policy forbids it, the script becomes a module
 * with `this` as the global scope: it is strict then, and what it declares at its top level is its own.
 */
export async function runScript({ url, content }: ScriptRecord): Promise<void> {
  const source = await content.text()
  const evaluate = globalThis.eval
  if (mayEvaluate(evaluate)) evaluate(`${source}\n//# sourceURL=${url}`)
  else await scope.importCode(`(function () {${source}\n}).call(globalThis)\n//# sourceURL=${url}`)
}

function mayEvaluate(evaluate: typeof eval): boolean {
  try {
    evaluate('')
    return true
  } catch {
    return false
  }
}
