import * as tasks from '../../tasks.mjs'

self.onmessage = ({ data: { task, argument, share } }) => {
  self.postMessage(Array.from({ length: share }, () => tasks[task](argument)))
}
