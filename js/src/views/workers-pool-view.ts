/** A pool, for whoever shows it: as a child in rx-vdom, as a node, or as the element `mh-pool`. */

import type { WorkersPool } from '../api/workers-pool.js'
import { checkOptions } from '../common/checks.js'
import { PoolElement } from './pool-element.js'

/** Defines the element, once. */
export function definePoolElement(): void {
  if (!customElements.get('mh-pool')) customElements.define('mh-pool', PoolElement)
}

/**
 * A description of a view (the fields are those of rx-vdom), which can be shown in several places: each gets an element of
 * its own.
 */
export class WorkersPoolView {
  readonly tag = 'div'
  readonly class = 'mh-pool-view'
  readonly connectedCallback: (element: HTMLElement) => void
  readonly #pool: WorkersPool

  /** @throws InvalidInputError */
  constructor(input: { workersPool: WorkersPool }) {
    checkOptions('view', input, ['workersPool'])
    this.#pool = input.workersPool
    this.connectedCallback = (element) => element.replaceChildren(this.element())
  }

  /** A new element that shows the pool, for use without rx-vdom. */
  element(): PoolElement {
    definePoolElement()
    const element = document.createElement('mh-pool') as PoolElement
    element.pool = this.#pool
    return element
  }
}
