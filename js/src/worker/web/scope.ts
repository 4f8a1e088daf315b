/** A module worker of a browser. */

import type { HostMessage } from '../../wire/protocol.js'
import type { Channel } from '../channel.js'
import type { Scope } from '../scope.js'
import { holdLifeLock } from './life-lock.js'

interface PythonScript {
  startPython: Scope['startPython']
}

export const scope: Scope = {
  holdLifeLock,
  // From a blob: that needs no `eval`.
  importCode: async (code) => {
    const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
    try {
      return (await import(url)) as Record<string, unknown>
    } finally {
      URL.revokeObjectURL(url)
    }
  },
  startPython: async (setup, options) => {
    if (setup.script === undefined) throw new Error('the setup names no script that starts Python')
    const { startPython } = await importPython(setup.script)
    return startPython(setup, options)
  },
  pendingOutput: () => null,
  captureConsole: () => undefined,
  beforeEnd: (act) => {
    const close = self.close.bind(self)
    self.close = () => {
      act()
      close()
    }
    self.addEventListener('error', act)
  },
  reportRejections: (isMeant) => {
    self.addEventListener('unhandledrejection', (event) => {
      if (isMeant(event.reason)) event.preventDefault()
    })
  },
}

export const channel: Channel = {
  post: (batch, transfer = []) => self.postMessage(batch, transfer),
  listen: (receive) => self.addEventListener('message', ({ data }: MessageEvent<HostMessage[]>) => receive(data)),
}

async function importPython(url: string): Promise<PythonScript> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as PythonScript
  } catch (cause) {
    throw new Error(`the script \`${url}\`, which starts Python, could not be loaded: serve it beside \`worker.js\``, { cause })
  }
}
