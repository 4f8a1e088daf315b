/** What was measured: samples by benchmark, workload and subject, and what is said of them. */

import { quantile, rounded } from './statistics.mjs'

export class Measurements {
  #entries = new Map()

  /**
   * The function by which the benchmark `bench` reports one sample, with a note if there is something to say of it. Its `failed`
   * reports that there is none, and why.
   */
  of(bench) {
    const entry = (workload, subject, unit) => this.#entry(`${bench}/${workload}`, subject, unit)
    const measure = (workload, subject, unit, value, note) => {
      const { samples, notes } = entry(workload, subject, unit)
      samples.push(value)
      if (note) notes.add(note)
      show(workload, subject, `${rounded(value)} ${unit}${note ? ` (${note})` : ''}`)
    }
    measure.failed = (workload, subject, unit, reason) => {
      entry(workload, subject, unit).failures.push(reason)
      show(workload, subject, `failed: ${reason}`)
    }
    return measure
  }

  #entry(name, subject, unit) {
    const key = JSON.stringify([name, subject, unit])
    if (!this.#entries.has(key)) this.#entries.set(key, { name, subject, unit, samples: [], notes: new Set(), failures: [] })
    return this.#entries.get(key)
  }

  /**
   * `{ name, subject, unit, median, min, q1, q3, max, runs }`, in the order of their first sample. `failed` has the reasons of runs
   * that gave nothing (if all did, the numbers are `null`), `notes` what was said of the others.
   */
  rows() {
    return [...this.#entries.values()].map(({ name, subject, unit, samples, notes, failures }) => {
      const sorted = samples.toSorted((a, b) => a - b)
      const at = (share) => (sorted.length > 0 ? quantile(sorted, share) : null)
      return {
        name,
        subject,
        unit,
        median: at(0.5),
        min: at(0),
        q1: at(0.25),
        q3: at(0.75),
        max: at(1),
        runs: sorted.length,
        ...(failures.length > 0 && { failed: [...new Set(failures)] }),
        ...(notes.size > 0 && { notes: [...notes] }),
      }
    })
  }

  /** Every sample, in the order in which it was taken. */
  raw() {
    return [...this.#entries.values()].map(({ name, subject, unit, samples, failures }) => ({ name, subject, unit, samples, failures }))
  }
}

function show(workload, subject, text) {
  console.error(`    ${workload.padEnd(36)} ${subject.padEnd(26)} ${text}`)
}
