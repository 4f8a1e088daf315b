/**
 * The worker's side of the wire: it takes batches in, runs one task at a time, and answers. It loads nothing by
 * itself, decides nothing, and knows the host only through its channel.
 */

import { scope } from '#scope'

import type { Abort, DataIn, Define, ErrorRecord, HostMessage, Install, Run } from '../wire/protocol.js'
import { HostKind, Outcome, WorkerKind } from '../wire/protocol.js'
import { PermanentInstallError } from '../environment/failures.js'
import { toErrorRecord } from '../wire/errors.js'
import type { Channel } from './channel.js'
import { installEnvironment } from './environment.js'
import { ItemError, UnclonableError } from './failures.js'
import type { TaskFunction } from './functions.js'
import { compileDefinition, mayCompile } from './functions.js'
import { Outbox } from './outbox.js'
import type { Python } from './python.js'
import { isInterrupt } from './python.js'
import { TaskContext } from './task-context.js'

export async function startRuntime(channel: Channel): Promise<void> {
  scope.reportRejections(isInterrupt)
  const outbox = new Outbox(channel)
  const runtime = new Runtime(outbox)
  const booted = boot(outbox)
  // The listener is there before anything is awaited: a message that came in between would be lost. And nothing is done before
  // the page knows of the lock: a task that ends its worker at once would end it unnoticed.
  channel.listen(async (batch) => {
    await booted
    runtime.receive(batch)
  })
  await booted
}

async function boot(outbox: Outbox): Promise<void> {
  const [lockName, compiles] = await Promise.all([scope.holdLifeLock(), mayCompile()])
  outbox.post([WorkerKind.Booted, lockName, compiles])
}

class Runtime {
  readonly #outbox: Outbox
  readonly #functions = new Map<number, Promise<TaskFunction>>()
  /** Tasks that have been received and have not ended, in order. The first one runs. */
  readonly #contexts = new Map<number, TaskContext>()
  #workerId = ''
  #python: Python | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  receive(batch: HostMessage[]): void {
    for (const message of batch) {
      switch (message[0]) {
        case HostKind.Install:
          void this.#install(message)
          break
        case HostKind.Define:
          this.#define(message)
          break
        case HostKind.Run:
          this.#enqueue(message)
          break
        case HostKind.Data:
          this.#deliver(message)
          break
        case HostKind.Abort:
          this.#abort(message)
          break
      }
    }
  }

  async #install([, workerId, setup, interrupt]: Install): Promise<void> {
    this.#workerId = workerId
    try {
      this.#python = await installEnvironment(setup, {
        workerId,
        interrupt,
        outbox: this.#outbox,
        report: (event) => this.#outbox.post([WorkerKind.Progress, event]),
        print: (text) => this.#print(text),
      })
      this.#outbox.post([WorkerKind.Progress, { step: 'WorkerReady' }], [WorkerKind.Ready])
    } catch (error) {
      const permanent = error instanceof PermanentInstallError
      const record = permanent ? recordOf(error.cause, error.during) : toErrorRecord(error)
      this.#outbox.post([WorkerKind.Progress, { step: 'InstallFailed', error: record }], [WorkerKind.InstallFailed, record, permanent])
    }
  }

  #define([, id, definition]: Define): void {
    const compiled = compileDefinition(definition, id, () => this.#python)
    compiled.catch(() => undefined) // Whoever runs it hears of it.
    this.#functions.set(id, compiled)
  }

  #enqueue(run: Run): void {
    const context = new TaskContext(run[1], this.#outbox, (value) => this.#convert(value))
    this.#contexts.set(run[1], context)
    this.#running = this.#running.then(() => this.#run(run, context)).catch(die)
  }

  #deliver([, taskId, data]: DataIn): void {
    try {
      this.#contexts.get(taskId)?.receive(data)
    } catch (error) {
      die(error) // Of the task's own `onData`: an uncaught error, like that of any callback.
    }
  }

  #abort([, taskId, cause]: Abort): void {
    this.#contexts.get(taskId)?.abort(cause)
  }

  /** Whatever happens in a task becomes its exit. */
  async #run([, taskId, functionId, args]: Run, context: TaskContext): Promise<void> {
    let outcome: Outcome = Outcome.Completed
    let value: unknown
    let transfer: Transferable[] = []
    try {
      const run = await this.#functions.get(functionId)
      if (!run) throw new Error(`function ${functionId} was not defined in this worker`)
      this.#python?.heedInterrupts(true)
      value = await run({
        args,
        context: context.forTask,
        workerScope: globalThis,
        taskId: context.taskName,
        workerId: this.#workerId,
      })
      transfer = context.transferOf(value)
      // A Python object is converted here, and not only when it cannot be sent, so that it is released.
      value = this.#python ? this.#python.toJavaScript(value, 'release') : value
    } catch (error) {
      outcome = error instanceof UnclonableError ? Outcome.Unclonable : Outcome.Threw
      value = error instanceof ItemError ? recordOf(error.cause, `item ${error.index}`) : toErrorRecord(error)
    }
    this.#python?.heedInterrupts(false)
    this.#python?.flushOutput()
    const output = scope.pendingOutput()
    if (output) await output
    context.end()
    this.#contexts.delete(taskId)
    this.#outbox.sendValue({
      value,
      transfer,
      wrap: (value) => [WorkerKind.Exit, taskId, outcome, value],
      convert: (value) => this.#convert(value),
      refuse: (error) => [WorkerKind.Exit, taskId, Outcome.Unclonable, toErrorRecord(error)],
    })
  }

  #convert(value: unknown): unknown {
    return this.#python ? this.#python.toJavaScript(value, 'keep') : value
  }

  /** Python's standard output: a log of the task that runs. */
  #print(text: string): void {
    const [context] = this.#contexts.values()
    if (context) context.forTask.info(text)
    else console.log(text)
  }
}

function recordOf(error: unknown, during: string | undefined): ErrorRecord {
  const record = toErrorRecord(error)
  return during === undefined ? record : { ...record, during }
}

/** Makes `error` an uncaught one: the worker dies of it, and the page hears why. */
function die(error: unknown): void {
  setTimeout(() => {
    throw error
  })
}
