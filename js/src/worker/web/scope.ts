/** A module worker of a browser. */

import { startPyodide } from '../../environment/pyodide.js'
import type { HostMessage } from '../../wire/protocol.js'
import type { Channel } from '../channel.js'
import type { Scope } from '../scope.js'
import { holdLifeLock } from './life-lock.js'

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
  startPyodide,
  pendingOutput: () => null,
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
