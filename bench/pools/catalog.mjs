/** What is measured of pools: the name, the unit, which way is better, and what it is. The report follows this order. */

const more = (unit, about) => ({ unit, better: 'more', about })
const less = (unit, about) => ({ unit, better: 'less', about })

export const WORKLOADS = {
  'no-op tasks': more('tasks/s', 'tasks that do nothing, all submitted at once'),
  'no-op tasks, 256 at a time': more('tasks/s', 'the same, with no more than 256 that are submitted and not done'),
  'no-op tasks, busy main thread': more('tasks/s', 'the same as the first, while the main thread computes in blocks of 30 ms'),
  'workers at work, busy main thread': more('%', 'share of their time that workers spend in tasks of 5 ms, while the main thread computes in blocks of 30 ms'),
  'round trip': less('µs', 'from the call to its result, with nothing else to do'),
  '1 ms tasks': more('tasks/s', 'tasks that compute for a millisecond; each worker could do 1,000 in a second'),
  '10 ms tasks': more('tasks/s', 'tasks that sleep for ten milliseconds; two workers could do 200 in a second'),
  '1 MB copied': more('tasks/s', 'a buffer of 1 MB is copied to each task, sixteen at a time'),
  '1 MB transferred': more('tasks/s', 'a new buffer of 1 MB is transferred to each task, sixteen at a time'),
  'main thread, for each no-op task': less('µs', 'time of the main thread, of the browser’s own part in it too, from the call to the result'),
  'main thread, longest task': less('ms', 'the longest that the main thread is blocked after the calls, until the last result'),
  'a call, the first 1,000': less('µs', 'a call while all workers are held, and up to 1,000 tasks wait'),
  'a call, up to 10,000 waiting': less('µs', 'a call with 1,000 to 10,000 waiting'),
  'a call, up to 100,000 waiting': less('µs', 'a call with 10,000 to 100,000 waiting'),
  'a call, up to 1,000,000 waiting': less('µs', 'a call with 100,000 to 1,000,000 waiting'),
  'memory of a waiting task': less('bytes', 'memory of the page and its workers, divided by the tasks that wait at the end of the burst'),
  'π job': more('× cores', 'rate of a job of equal parts, divided by the number of workers and by the rate of one worker alone that loops over such parts'),
  '1 worker ready': less('ms', 'from the constructor until each worker has done a task'),
  '2 workers ready': less('ms', 'the same, with two'),
  '4 workers ready': less('ms', 'the same, with four'),
  '8 workers ready': less('ms', 'the same, with eight'),
  page: less('kB', 'scripts and WebAssembly that a page loads at once, minified and gzipped; without rxjs'),
  worker: less('kB', 'what each worker loads of the package, minified and gzipped'),
}
