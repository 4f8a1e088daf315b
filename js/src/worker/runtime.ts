/**
 * The worker's side of the wire: it takes batches in, runs one task at a time, and answers. It loads nothing by
 * itself, decides nothing, and knows the host only through its channel.
 */

import { scope } from '#scope'

import type { Abort, DataIn, Define, ErrorRecord, HostMessage, Install, RunQuick, Withdraw } from '../wire/protocol.js'
import { HostKind, MAX_GATHERED, Outcome, WorkerKind } from '../wire/protocol.js'
import { PermanentInstallError } from '../environment/failures.js'
import { toErrorRecord } from '../wire/errors.js'
import { taskName } from '../wire/names.js'
import type { Channel } from './channel.js'
import { installEnvironment } from './environment.js'
import { die, ItemError, UnclonableError } from './failures.js'
import type { TaskFunction } from './functions.js'
import { compileDefinition, mayCompile } from './functions.js'
import type { Job } from './jobs.js'
import { Jobs } from './jobs.js'
import { Outbox } from './outbox.js'
import type { Python } from './python.js'
import { isInterrupt } from './python.js'
import { TaskContext } from './task-context.js'

// A pool may give these names to something else.
const { MessageChannel, performance } = globalThis

/** How long tasks are run one after the other before the worker looks for messages, and tells what it has gathered. */
const SLICE_MS = 1

export async function startRuntime(channel: Channel): Promise<void> {
  scope.reportRejections(isInterrupt)
  const outbox = new Outbox(channel)
  const runtime = new Runtime(outbox)
  let booted: Promise<void> | null = boot(outbox)
  // The listener is there before anything is awaited: a message that came in between would be lost. And nothing is done before
  // the page knows of the lock: a task that ends its worker at once would end it unnoticed.
  channel.listen((batch) => {
    if (booted) void booted.then(() => runtime.receive(batch))
    else runtime.receive(batch)
  })
  // Whatever ends this worker, it first tells what it has ended, and gives back what it has not begun.
  scope.beforeEnd(() => runtime.giveBack())
  scope.captureConsole((line) => runtime.log(line))
  await booted
  booted = null
}

async function boot(outbox: Outbox): Promise<void> {
  const [lockName, compiles] = await Promise.all([scope.holdLifeLock(), mayCompile()])
  outbox.post([WorkerKind.Booted, lockName, compiles])
}

class Runtime {
  readonly #outbox: Outbox
  readonly #functions = new Map<number, TaskFunction | Promise<TaskFunction>>()
  readonly #jobs = new Jobs()
  readonly #convert = (value: unknown): unknown => (this.#python ? this.#python.toJavaScript(value, 'keep') : value)
  #workerId = ''
  #python: Python | null = null
  #isRunning = false
  /** When the task that runs began, and those before it ended. */
  #clock = 0
  /** Where the runtime goes on after it has looked for messages. */
  #goOn: MessagePort | null = null

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
          this.#enqueue(message[1], message[2], message[3], false)
          break
        case HostKind.RunQuick:
          this.#enqueueAll(message)
          break
        case HostKind.Data:
          this.#deliver(message)
          break
        case HostKind.Abort:
          this.#abort(message)
          break
        case HostKind.Withdraw:
          this.#withdraw(message)
          break
      }
    }
    if (this.#isRunning) this.#outbox.flush()
    else this.#run()
  }

  /** Tells what has ended, and gives back all tasks but the one that runs. */
  giveBack(): void {
    for (const taskId of this.#jobs.withdrawAll()) this.#outbox.gather([WorkerKind.Returned, taskId])
    this.#outbox.flush()
  }

  /** What is printed: a log of the task that runs. `false` if none does. */
  log(text: string): boolean {
    const job = this.#jobs.first
    job?.context.forTask.info(text)
    return job !== undefined
  }

  async #install([, workerId, setup, interrupt]: Install): Promise<void> {
    const outbox = this.#outbox
    this.#workerId = workerId
    try {
      this.#python = await installEnvironment(setup, {
        workerId,
        interrupt,
        outbox,
        report: (event) => outbox.post([WorkerKind.Progress, event]),
        print: (text) => this.#print(text),
      })
      outbox.post([WorkerKind.Progress, { step: 'WorkerReady' }], [WorkerKind.Ready])
    } catch (error) {
      const permanent = PermanentInstallError.is(error)
      const record = permanent ? recordOf(error.cause, error.during) : toErrorRecord(error)
      outbox.post([WorkerKind.Progress, { step: 'InstallFailed', error: record }], [WorkerKind.InstallFailed, record, permanent])
    }
  }

  #define([, id, definition]: Define): void {
    const compiled = compileDefinition(definition, id, () => this.#python)
    this.#functions.set(id, compiled)
    // Whoever runs it before it is there, or after it could not be had, hears of that.
    compiled.then((run) => this.#functions.set(id, run)).catch(() => undefined)
  }

  #enqueue(taskId: number, functionId: number, args: unknown, isQuick: boolean): void {
    const context = new TaskContext(taskId, this.#outbox, this.#convert)
    this.#jobs.push({ taskId, functionId, args, isQuick, context })
  }

  #enqueueAll([, functionId, taskIds, args]: RunQuick): void {
    taskIds.forEach((taskId, index) => this.#enqueue(taskId, functionId, args[index], true))
  }

  #deliver([, taskId, data]: DataIn): void {
    this.#jobs.find(taskId)?.context.receive(data)
  }

  #abort([, taskId, cause]: Abort): void {
    if (this.#jobs.withdraw(taskId)) this.#outbox.gather([WorkerKind.Returned, taskId])
    else this.#jobs.find(taskId)?.context.abort(cause)
  }

  #withdraw([, taskId]: Withdraw): void {
    if (this.#jobs.withdraw(taskId)) this.#outbox.gather([WorkerKind.Returned, taskId])
  }

  /** Runs what there is, until one has to be waited for or messages have to be looked for. */
  #run(): void {
    const begin = (this.#clock = performance.now())
    this.#isRunning = true
    for (let job = this.#jobs.first; job; job = this.#jobs.first) {
      if (!job.isQuick || this.#outbox.untold >= MAX_GATHERED - 1) this.#outbox.flush()
      const run = this.#functions.get(job.functionId)
      const waits = typeof run === 'function' ? this.#call(job, run) : this.#callLater(job, run)
      if (waits) {
        this.#outbox.flush()
        waits.then(() => this.#run()).catch(die)
        return
      }
      if (this.#clock - begin >= SLICE_MS && this.#jobs.first) {
        this.#outbox.flush()
        return this.#yield()
      }
    }
    this.#isRunning = false
    this.#outbox.flush()
  }

  /** Goes on when the messages that are there have been received. */
  #yield(): void {
    if (!this.#goOn) {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => this.#run()
      this.#goOn = port2
    }
    this.#goOn.postMessage(null)
  }

  async #callLater(job: Job, compiled: Promise<TaskFunction> | undefined): Promise<void> {
    let run: TaskFunction
    try {
      if (!compiled) throw new Error(`function ${job.functionId} was not defined in this worker`)
      run = await compiled
    } catch (error) {
      await this.#fail(job, error)
      return
    }
    this.#clock = performance.now()
    await this.#call(job, run)
  }

  /** Whatever happens in a task becomes its exit: now, or when what it returns resolves. */
  #call(job: Job, run: TaskFunction): Promise<void> | null {
    this.#python?.heedInterrupts(true)
    try {
      const { args, context, taskId } = job
      const value = run({
        args,
        get context() {
          return context.forTask
        },
        workerScope: globalThis,
        taskId: taskName(taskId),
        workerId: this.#workerId,
      })
      if (isThenable(value)) return this.#await(job, value)
      return this.#complete(job, value)
    } catch (error) {
      return this.#fail(job, error)
    }
  }

  async #await(job: Job, promise: PromiseLike<unknown>): Promise<void> {
    try {
      await this.#complete(job, await promise)
    } catch (error) {
      await this.#fail(job, error)
    }
  }

  #complete(job: Job, value: unknown): Promise<void> | null {
    const transfer = job.context.transferOf(value)
    // A Python object is converted here, and not only when it cannot be sent, so that it is released.
    return this.#end(job, Outcome.Completed, this.#python ? this.#python.toJavaScript(value, 'release') : value, transfer)
  }

  #fail(job: Job, error: unknown): Promise<void> | null {
    const outcome = UnclonableError.is(error) ? Outcome.Unclonable : Outcome.Threw
    return this.#end(job, outcome, error instanceof ItemError ? recordOf(error.cause, `item ${error.index}`) : toErrorRecord(error), [])
  }

  /** The task is over: its exit is told when all that it said is. */
  #end(job: Job, outcome: Outcome, value: unknown, transfer: Transferable[]): Promise<void> | null {
    this.#python?.heedInterrupts(false)
    this.#python?.flushOutput()
    const output = scope.pendingOutput()
    if (output) return output.then(() => this.#exit(job, outcome, value, transfer))
    this.#exit(job, outcome, value, transfer)
    return null
  }

  #exit({ taskId, context }: Job, outcome: Outcome, value: unknown, transfer: Transferable[]): void {
    context.end()
    const now = performance.now()
    const took_us = Math.round((now - this.#clock) * 1_000)
    this.#clock = now
    this.#jobs.endFirst()
    // Anything else may be changed by the tasks to come before it is copied, or be too much to be sent.
    if (outcome === Outcome.Completed && isSmall(value)) return this.#outbox.gatherEnd({ taskId, value, took_us })
    this.#outbox.sendValue({
      value,
      transfer,
      wrap: (value) => [WorkerKind.Exit, taskId, outcome, value, took_us],
      convert: this.#convert,
      refuse: (error) => [WorkerKind.Exit, taskId, Outcome.Unclonable, toErrorRecord(error), took_us],
    })
  }

  #print(text: string): void {
    if (!this.log(text)) console.log(text)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const mayBe = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return mayBe && typeof (value as { then?: unknown }).then === 'function'
}

/** Texts up to this length are small. */
const SMALL_TEXT = 2 ** 16

function isSmall(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= SMALL_TEXT
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
}

function recordOf(error: unknown, during: string | undefined): ErrorRecord {
  const record = toErrorRecord(error)
  return during === undefined ? record : { ...record, during }
}
