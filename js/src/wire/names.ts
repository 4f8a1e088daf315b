/** Names: of tasks and workers in public (`t1`, `w1`), with the numbers that the host knows them by; of Python packages. */

export const taskName = (id: number): string => `t${id}`
export const workerName = (id: number): string => `w${id}`

export const parseTaskId = (name: unknown): number | null => parse(name, /^t([1-9]\d*)$/)
export const parseWorkerId = (name: unknown): number | null => parse(name, /^w([1-9]\d*)$/)

/** A Python package's name as PEP 503 has it. */
export const packageName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-')

function parse(name: unknown, pattern: RegExp): number | null {
  const digits = typeof name === 'string' ? pattern.exec(name)?.[1] : undefined
  return digits === undefined ? null : Number(digits)
}
