import { parentPort } from 'node:worker_threads'
import * as tasks from '../../tasks.mjs'

parentPort.on('message', ({ task, argument }) => {
  try {
    parentPort.postMessage({ result: tasks[task](argument) })
  } catch (error) {
    parentPort.postMessage({ error })
  }
})
