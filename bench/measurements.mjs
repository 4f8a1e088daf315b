/** What was measured: samples by benchmark, workload and subject, and what is said of them. */

export class Measurements {
  #samples = new Map()

  /** The function by which the benchmark `bench` reports one sample. */
  of(bench) {
    return (workload, subject, unit, value) => {
      const key = JSON.stringify([`${bench}/${workload}`, subject, unit])
      if (!this.#samples.has(key)) this.#samples.set(key, [])
      this.#samples.get(key).push(value)
      console.error(`    ${workload.padEnd(40)} ${subject.padEnd(20)} ${rounded(value)} ${unit}`)
    }
  }

  /** `{ name, subject, unit, median, min, max, runs }`, in the order of their first sample. */
  rows() {
    return [...this.#samples].map(([key, samples]) => {
      const [name, subject, unit] = JSON.parse(key)
      const sorted = samples.toSorted((a, b) => a - b)
      return { name, subject, unit, median: median(sorted), min: sorted[0], max: sorted.at(-1), runs: sorted.length }
    })
  }

  /** The rows as a Markdown table. */
  table() {
    const lines = this.rows().map(({ name, subject, unit, median, min, max, runs }) => {
      return `| ${name} | ${subject} | ${rounded(median)} ${unit} | ${rounded(min)} to ${rounded(max)} | ${runs} |`
    })
    return ['| benchmark | subject | median | spread | runs |', '| --- | --- | ---: | ---: | ---: |', ...lines, ''].join('\n')
  }
}

function median(sorted) {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function rounded(value) {
  return Number(value.toPrecision(3)).toLocaleString('en')
}
