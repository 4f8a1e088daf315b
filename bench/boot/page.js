/**
 * Pools that boot NumPy workers. `globalThis.boot(kind)` opens one of no workers; `grow(count)` gives the milliseconds until it has
 * `count` workers which have all computed something.
 */

import { WorkersPool } from 'millhand'

const SOURCE = 'import numpy; float(numpy.linalg.norm(numpy.random.random(100)))'

class NaivePool {
  #workers = []

  async grow(count) {
    const start = performance.now()
    const added = Array.from({ length: count - this.#workers.length }, () => {
      const worker = new Worker(new URL('naive-worker.js', import.meta.url), { type: 'module' })
      this.#workers.push(worker)
      return firstResult(worker)
    })
    await Promise.all(added)
    return performance.now() - start
  }

  end() {
    for (const worker of this.#workers) worker.terminate()
  }
}

function firstResult(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = (event) => reject(new Error(event.message))
    worker.postMessage(SOURCE)
  })
}

class MillhandPool {
  #image
  #pool = null
  /** How Python came up in each worker. */
  starts = []

  constructor(image) {
    this.#image = image
  }

  async grow(count) {
    const start = performance.now()
    if (this.#pool === null) this.#open(count)
    await this.#pool.reserve({ workersCount: count })
    const ids = Object.keys(this.#pool.workers$.value)
    await Promise.all(ids.map((targetWorkerId) => this.#pool.python(SOURCE, {}, { targetWorkerId })))
    return performance.now() - start
  }

  #open(count) {
    const next = (event) => {
      if (event.step === 'PythonStarting') this.starts.push(event.from)
    }
    this.#pool = new WorkersPool({
      install: { pyodide: { modules: ['numpy'], image: this.#image } },
      pool: { startAt: count, stretchTo: 8 },
      cdnEvent$: { next },
    })
  }

  end() {
    this.#pool.terminate()
  }
}

const KINDS = {
  naive: () => new NaivePool(),
  files: () => new MillhandPool(false),
  image: () => new MillhandPool(true),
}

globalThis.boot = (kind) => (globalThis.pool = KINDS[kind]())

/** Resolves once the browser's storage has an image. */
globalThis.imageKept = async () => {
  const database = await resultOf(indexedDB.open('millhand-images'))
  const count = () => resultOf(database.transaction('entries').objectStore('entries').count())
  while ((await count()) === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  database.close()
}

const resultOf = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
