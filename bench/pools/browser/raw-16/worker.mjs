import * as tasks from '../../tasks.mjs'

self.onmessage = ({ data: batch }) => self.postMessage(batch.map(({ task, argument }) => tasks[task](argument)))
