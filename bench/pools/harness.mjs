/** What a page or a process of a subject does when it is asked to: one workload, whose result or failure it tells. */

import * as workloads from './workloads.mjs'

/** Resolves with the workload's values, or with `{ failure }`. */
export async function runWorkload(open, { workload, params }) {
  try {
    return await workloads[workload](open, params)
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}
