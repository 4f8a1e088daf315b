/** A process of Node of its own for each subject. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A workload that hangs its process is given up this long after its own limit. */
const GRACE_MS = 10_000
const program = fileURLToPath(new URL('./node-process.mjs', import.meta.url))

export const node = {
  /** A process with the subject in it. */
  async open({ folder }) {
    const child = fork(program, [folder], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    const said = []
    child.stderr.setEncoding('utf8').on('data', (text) => said.push(text))
    const [message] = await once(child, 'message')
    if (message.failure) {
      child.kill('SIGKILL')
      throw new Error(message.failure)
    }
    return new NodeSeat(child, said)
  },
}

class NodeSeat {
  #child
  #said

  constructor(child, said) {
    this.#child = child
    this.#said = said
  }

  /** The workload's values, or `{ failure }`. */
  async run(order) {
    const limitMs = (order.params.limitMs ?? 0) * 2 + GRACE_MS
    return new Promise((resolve) => {
      const settle = (values) => {
        clearTimeout(timer)
        this.#child.off('message', settle)
        this.#child.off('exit', onExit)
        resolve(values)
      }
      const onExit = () => settle({ failure: `its process ended: ${this.#said.join('').trim().split('\n').at(-1)}` })
      const timer = setTimeout(() => settle({ failure: `nothing was heard of it for ${limitMs / 1_000} s` }), limitMs)
      this.#child.on('message', settle)
      this.#child.on('exit', onExit)
      if (this.#child.connected) this.#child.send(order)
    })
  }

  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
