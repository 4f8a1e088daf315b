/** What several tests do in the page. */

/** All of a stream's values, once it completes. */
export function collect(stream$) {
  return new Promise((resolve, reject) => {
    const values = []
    stream$.subscribe({ next: (value) => values.push(value), error: reject, complete: () => resolve(values) })
  })
}

/** The first value that is as wanted. */
export function until(stream$, wanted) {
  return new Promise((resolve) => {
    const subscription = stream$.subscribe((value) => {
      if (!wanted(value)) return
      resolve(value)
      queueMicrotask(() => subscription.unsubscribe())
    })
  })
}

/** What a task says until its end, with its result. Its data is answered. */
export async function conversation(task) {
  const heard = []
  task.message$.subscribe(({ type, data }) => {
    if (type === 'Log') heard.push(data.text || data.json)
    if (type === 'Data') {
      heard.push(data.payload)
      task.send('go on')
    }
  })
  return { heard, result: await task }
}

/** What an awaitable rejects with, as plain fields; fails if it does not reject. */
export async function rejection(awaitable) {
  try {
    await awaitable
  } catch (error) {
    return describe(error)
  }
  throw new Error('it did not reject')
}

/** What a call throws, as plain fields; fails if it does not throw. */
export function thrown(call) {
  try {
    call()
  } catch (error) {
    return describe(error)
  }
  throw new Error('it did not throw')
}

/** An error as plain fields, its cause too. */
export function describe(error) {
  const { name, message, stack, code, hint, reason, field, python } = error
  const cause = error.cause instanceof Error ? describe(error.cause) : error.cause
  return { name, message, stack, code, hint, reason, field, python, cause, own: { ...error }, isError: error instanceof Error }
}

/** The entry point of the main job: an estimate of π by `args.count` random points, in NumPy. */
export const estimatePi = ({ args, workerScope }) => {
  const { pyodide } = workerScope
  pyodide.registerJsModule('jsModule', { count: args.count })
  return pyodide.runPython(`
    import numpy as np
    from jsModule import count
    data = np.random.uniform(-0.5, 0.5, size=(count, 2))
    len(np.argwhere(np.linalg.norm(data, axis=1) < 0.5)) / count * 4`)
}
