/** Subjects beside each other: in each round each has its turn, in a page or process of its own, and each round begins with another. */

import { WORKLOADS } from './catalog.mjs'

/**
 * @param place has `open(subject)`, which resolves with a seat: `run({ workload, params })` and `close()`.
 * @param orders in the order in which each seat has them: a workload, its parameters, and the names of what it `gives`.
 */
export async function sideBySide({ place, subjects, orders, rounds, measure }) {
  for (let round = 0; round < rounds; round++) {
    for (const subject of rotated(subjects, round)) await turn(place, subject, orders, measure)
  }
}

function rotated(subjects, by) {
  const from = by % subjects.length
  return [...subjects.slice(from), ...subjects.slice(0, from)]
}

/** A seat whose workload failed, was stopped or leaves tasks is not used again: the next workload gets a new one. */
async function turn(place, subject, orders, measure) {
  let seat
  for (const order of orders) {
    if (subject.without?.includes(order.workload)) continue
    const values = await attempt(async () => {
      if (subject.unless) return { failure: subject.unless }
      seat ??= await place.open(subject)
      return seat.run(order)
    })
    report(measure, subject, order, values)
    if (values.failure || values.stopped || order.leavesTasks) {
      await seat?.close()
      seat = undefined
    }
  }
  await seat?.close()
}

async function attempt(run) {
  try {
    return await run()
  } catch (error) {
    return { failure: error.message.split('\n')[0] }
  }
}

function report(measure, subject, { gives }, { failure, stopped, ...values }) {
  for (const workload of gives) {
    const { unit } = WORKLOADS[workload]
    const value = values[workload]
    if (value > 0 && Number.isFinite(value)) measure(workload, subject.name, unit, value, stopped || undefined)
    else measure.failed(workload, subject.name, unit, failure || stopped || 'it gave no value')
  }
}
