/** Views: a script of its own, which `installViewsModule` loads. */

export { installWithUI, LoadingScreenView } from './loading-view.js'
export { PoolElement } from './pool-element.js'
export { RuntimeView } from './runtime-view.js'
export { definePoolElement, WorkersPoolView } from './workers-pool-view.js'
