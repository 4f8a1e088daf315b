import * as tasks from '../../tasks.mjs'

self.onmessage = ({ data: { task, argument } }) => {
  try {
    self.postMessage({ result: tasks[task](argument) })
  } catch (error) {
    self.postMessage({ error })
  }
}
