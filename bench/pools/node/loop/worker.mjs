import { parentPort } from 'node:worker_threads'
import * as tasks from '../../tasks.mjs'

parentPort.on('message', ({ task, argument, share }) => {
  parentPort.postMessage(Array.from({ length: share }, () => tasks[task](argument)))
})
