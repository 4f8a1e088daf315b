/** Finds what structured clone would refuse, before anything is sent. */

/** Where, and what. */
export interface Unclonable {
  path: string
  value: unknown
  what: string
}

/**
 * The first part of `value` that cannot be cloned, or `null`; what is `moved` counts as cloneable. It looks through arrays, maps, sets and objects; whatever
 * it does not know it takes for cloneable, and the attempt to send it has the last word.
 */
export function findUnclonable(value: unknown, path: string, moved: readonly unknown[] = []): Unclonable | null {
  return find(value, path, new Set(moved))
}

function find(value: unknown, path: string, seen: Set<unknown>): Unclonable | null {
  if (typeof value === 'function') return { path, value, what: 'a function' }
  if (typeof value === 'symbol') return { path, value, what: 'a symbol' }
  if (typeof value !== 'object' || value === null || seen.has(value)) return null
  const refused = REFUSED.find((type) => value instanceof type)
  if (refused) return { path, value, what: `a \`${refused.name}\`` }
  if (typeof Node !== 'undefined' && value instanceof Node) return { path, value, what: 'a DOM node' }
  seen.add(value)
  for (const [key, member] of membersOf(value)) {
    const found = find(member, key(path), seen)
    if (found) return found
  }
  return null
}

const REFUSED = [WeakMap, WeakSet, WeakRef, Promise]

type Member = [path: (parent: string) => string, value: unknown]

function* membersOf(value: object): Iterable<Member> {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) yield [(parent) => `${parent}[${index}]`, member]
  } else if (value instanceof Map) {
    for (const [key, member] of value) {
      yield [(parent) => `${parent} (a key)`, key]
      yield [(parent) => `${parent}.get(${String(key)})`, member]
    }
  } else if (value instanceof Set) {
    for (const member of value) yield [(parent) => `${parent} (a member)`, member]
  } else if (Object.prototype.toString.call(value) === '[object Object]') {
    for (const [key, member] of Object.entries(value)) yield [(parent) => `${parent}.${key}`, member]
  }
}
