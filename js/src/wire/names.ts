/** Public names of tasks and workers (`t1`, `w1`), and the numbers that the host knows them by. */

export const taskName = (id: number): string => `t${id}`
export const workerName = (id: number): string => `w${id}`

export const parseTaskId = (name: unknown): number | null => parse(name, /^t([1-9]\d*)$/)
export const parseWorkerId = (name: unknown): number | null => parse(name, /^w([1-9]\d*)$/)

function parse(name: unknown, pattern: RegExp): number | null {
  const digits = typeof name === 'string' ? pattern.exec(name)?.[1] : undefined
  return digits === undefined ? null : Number(digits)
}
