/** What millhand is meant to reach, as ratios of what one run measured. */

/** The browser pools that are packages; of them, the best counts. */
const POOLS = ['workerpool', 'poolifier-web-worker', 'threads']

/** `find(name, subject)` gives a median, or `undefined`; a goal whose figures are not all there is not measured. */
const GOALS = [
  atLeast(8, 'no-op tasks through `run` against the best browser pool', (find) => find('dispatch/no-op tasks', 'millhand') / best(find, 'dispatch/no-op tasks')),
  atLeast(3, 'no-op tasks through `run` against Comlink, flooded', (find) => find('dispatch/no-op tasks', 'millhand') / find('dispatch/no-op tasks', 'Comlink')),
  atLeast(0.35, 'no-op tasks through `run` against `postMessage` in batches of 16', (find) =>
    find('dispatch/no-op tasks', 'millhand') / find('dispatch/no-op tasks', 'postMessage, batches of 16')),
  atLeast(4, 'no-op tasks through `schedule` against the best browser pool', (find) => find('dispatch/no-op tasks', 'millhand schedule') / best(find, 'dispatch/no-op tasks')),
  atLeast(90, 'workers at work with a busy main thread', (find) => find('dispatch/workers at work, busy main thread', 'millhand'), '%'),
  atMost(1.15, 'round trip against `postMessage`', (find) => find('dispatch/round trip', 'millhand') / find('dispatch/round trip', 'postMessage')),
  atMost(1.3, 'a call with up to 1,000,000 waiting against one of the first 1,000', (find) =>
    find('burst/a call, up to 1,000,000 waiting', 'millhand') / find('burst/a call, the first 1,000', 'millhand')),
  atMost(200, 'memory of a waiting task', (find) => find('burst/memory of a waiting task', 'millhand'), 'bytes'),
  atLeast(0.9, 'no-op tasks of remote workers against Ray’s own actors', (find) => find('ray/no-op tasks', 'millhand') / find('ray/no-op tasks', 'Ray\'s actors')),
  atLeast(0.9, '10 ms tasks of remote workers against Ray’s own actors', (find) => find('ray/10 ms tasks', 'millhand') / find('ray/10 ms tasks', 'Ray\'s actors')),
  atLeast(0.97, 'π job against the cores', (find) => find('pi/π job', 'millhand'), '× cores'),
  atMost(50, 'longest task of the main thread', (find) => find('main-thread/main thread, longest task', 'millhand'), 'ms'),
  atMost(60, 'what a page loads, without rxjs, gzipped', (find) => find('sizes/page', 'millhand'), 'kB'),
  atMost(6, 'script of a worker, gzipped', (find) => find('sizes/worker', 'millhand'), 'kB'),
  atLeast(8, 'four NumPy workers sooner than naive ones, isolated page', (find) => naive(find, '4 at the second visit') / find('boot/4 at the second visit', 'millhand, image')),
  atLeast(5, 'four NumPy workers sooner than naive ones, plain page', (find) =>
    naive(find, '4 at the second visit') / find('boot/4 at the second visit', 'millhand, image, not isolated')),
  atMost(0.15, 'each further NumPy worker against a naive one', (find) => find('boot/each further one', 'millhand, image') / naive(find, 'each further one')),
  atLeast(3, 'first NumPy worker of a second visit sooner than a naive one', (find) => naive(find, '1 at the second visit') / find('boot/1 at the second visit', 'millhand, image')),
  atLeast(1, 'first NumPy worker of a first visit sooner than a naive one', (find) => naive(find, '1 at the first visit') / find('boot/1 at the first visit', 'millhand, image')),
  atLeast(2.5, 'four NumPy workers of a first visit sooner than naive ones', (find) => naive(find, '4 at the first visit') / find('boot/4 at the first visit', 'millhand, image')),
  atMost(60, 'memory of each further NumPy worker', (find) => find('boot/memory of each further one', 'millhand, image'), 'MB'),
]

/** `{ text, bound, unit, measured, isMet }` for each goal; `measured` is `null` if the run has not what it takes. */
export function checkGoals(rows) {
  const medians = new Map(rows.map(({ name, subject, median }) => [`${name}|${subject}`, median]))
  const find = (name, subject) => medians.get(`${name}|${subject}`) ?? undefined
  return GOALS.map(({ text, bound, sign, unit, measure }) => {
    const value = measure(find)
    const measured = Number.isFinite(value) ? value : null
    const isMet = measured === null ? null : sign === 'at least' ? measured >= bound : measured <= bound
    return { text, bound: `${sign} ${bound}`, unit, measured, isMet, share: measured === null ? null : measured / bound }
  })
}

function best(find, name) {
  return Math.max(...POOLS.map((pool) => find(name, pool) ?? 0))
}

function naive(find, what) {
  return find(`boot/${what}`, 'naive')
}

function atLeast(bound, text, measure, unit = '×') {
  return { text, bound, sign: 'at least', unit, measure }
}

function atMost(bound, text, measure, unit = '×') {
  return { text, bound, sign: 'at most', unit, measure }
}
