"""The worker's side of the protocol: it takes batches in, runs one task at a time, and answers."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from . import javascript
from .codec import NULL, Unclonable
from .context import TaskContext
from .errors import record_of
from .interrupts import Interrupts
from .output import Lines, Output
from .protocol import HostKind, Outcome, WorkerKind
from .source import Source, compile_source

CANCEL_WITHIN_S = 0.2
"""How long a task that awaits may take to end by being cancelled, before it is interrupted."""


class Runtime:
    """One worker. `receive` is for the thread that reads, `run` for the main thread."""

    def __init__(self, descriptor: int) -> None:
        self._interrupts = Interrupts()
        self._output = Output(descriptor, self._interrupts)
        self._orders: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._definitions: dict[int, dict[str, Any]] = {}
        self._contexts: dict[int, TaskContext] = {}
        self._first_changes = threading.Lock()
        """Held while `_contexts` loses one: its first is the task that runs, or is about to."""
        self._running: TaskContext | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._printed = Lines(self._print)

    def run(self) -> None:
        """Runs what is received, for ever."""
        sys.stdout = self._printed
        self._output.send([WorkerKind.BOOTED, NULL, False])
        while True:
            kind, *rest = self._orders.get()
            if kind == HostKind.INSTALL:
                self._install(*rest)
            else:
                self._run_task(*rest)

    def receive(self, batch: list[list[Any]]) -> None:
        """Takes a batch of the host. Data and aborts are for tasks that run, and are dealt with at once."""
        for message in batch:
            kind, *rest = message
            match kind:
                case HostKind.DEFINE:
                    self._define(*rest)
                case HostKind.DATA:
                    self._deliver(*rest)
                case HostKind.ABORT:
                    self._abort(*rest)
                case HostKind.WITHDRAW:
                    self._withdraw(*rest)
                case HostKind.RUN:
                    self._contexts[rest[0]] = TaskContext(rest[0], self._output)
                    self._orders.put(message)
                case HostKind.INSTALL:
                    self._orders.put(message)
                case _:
                    raise ValueError(f"the host sent a message of kind {kind}")

    def _install(self, _worker_id: str, setup: dict[str, Any], *_: object) -> None:
        self._report({"step": "WorkerBooted"})
        if setup.get("postInstallTasks"):
            record = record_of(Unclonable("post-install tasks are JavaScript, which a remote Python worker cannot run"))
            self._report({"step": "InstallFailed", "error": record})
            self._output.send([WorkerKind.INSTALL_FAILED, record, True])
            return
        javascript.install(setup.get("globals") or [])
        self._report({"step": "WorkerReady"})
        self._output.send([WorkerKind.READY])

    def _report(self, event: dict[str, Any]) -> None:
        self._output.send([WorkerKind.PROGRESS, event])

    def _define(self, function_id: int, definition: dict[str, Any]) -> None:
        self._definitions[function_id] = definition

    def _deliver(self, task_id: int, data: Any) -> None:
        context = self._contexts.get(task_id)
        if context is None:
            return
        try:
            context.receive(data)
        except BaseException:
            # Of the task's own `onData`: as an uncaught error of a callback does in a page, it ends the worker.
            die(traceback.format_exc())

    def _withdraw(self, task_id: int) -> None:
        with self._first_changes:
            if task_id not in self._contexts or task_id == next(iter(self._contexts)):
                return
            del self._contexts[task_id]
        self._output.send([WorkerKind.RETURNED, task_id])

    def _abort(self, task_id: int, reason: Any) -> None:
        context = self._contexts.get(task_id)
        if context is None:
            return
        context.signal.abort(reason)
        if context is not self._running:
            return
        task, loop = self._task, self._loop
        if task is None or loop is None:
            self._interrupts.interrupt()
            return
        loop.call_soon_threadsafe(task.cancel)
        timer = threading.Timer(CANCEL_WITHIN_S, self._interrupt_if_running, [context])
        timer.daemon = True
        timer.start()

    def _interrupt_if_running(self, context: TaskContext) -> None:
        if context is self._running:
            self._interrupts.interrupt()

    def _run_task(self, task_id: int, function_id: int, args: Any) -> None:
        context = self._contexts.get(task_id)
        if context is None:
            return  # It was withdrawn.
        began_s = time.perf_counter()
        value: Any
        try:
            value = self._call(context, function_id, args)
            outcome = Outcome.COMPLETED
        except Unclonable as error:
            outcome, value = Outcome.UNCLONABLE, record_of(error)
        except BaseException as error:  # Whatever happens in a task becomes its exit.
            outcome, value = Outcome.THREW, record_of(error)
        self._printed.end_line()
        self._running = None
        context.end()
        with self._first_changes:
            del self._contexts[task_id]
        self._settle(task_id, outcome, value, round((time.perf_counter() - began_s) * 1e6))

    def _settle(self, task_id: int, outcome: Outcome, value: Any, took_us: int) -> None:
        try:
            self._output.send([WorkerKind.EXIT, task_id, outcome, value, took_us])
        except Unclonable as error:
            self._output.send([WorkerKind.EXIT, task_id, Outcome.UNCLONABLE, record_of(error), took_us])

    def _call(self, context: TaskContext, function_id: int, args: Any) -> Any:
        self._running = context
        context.signal.throwIfAborted()
        source = self._source_of(function_id, args)
        namespace = {"__name__": "__main__", "args": args.get("args") or {}, "context": context}
        if source.is_asynchronous:
            return self._call_asynchronously(context, source, namespace)
        with self._interrupts.heeded():
            return source.run(namespace)

    def _source_of(self, function_id: int, args: Any) -> Source:
        definition = self._definitions.get(function_id)
        if definition is None:
            raise LookupError(f"function {function_id} was not defined in this worker")
        if definition.get("call") != "python":
            raise TypeError("this task is JavaScript, and a remote Python worker runs Python only: use `pool.python`")
        return compile_source(args["source"])

    def _call_asynchronously(self, context: TaskContext, source: Source, namespace: dict[str, Any]) -> Any:
        loop = asyncio.new_event_loop()
        try:
            context.loop = self._loop = loop
            self._task = loop.create_task(source.run(namespace))
            if context.signal.aborted:
                self._task.cancel()
            with self._interrupts.heeded():
                return loop.run_until_complete(self._task)
        finally:
            self._task = self._loop = context.loop = None
            loop.close()

    def _print(self, lines: list[str]) -> bool:
        return self._running is not None and self._running.log(lines)


def die(why: str) -> None:
    """Ends this process: it can no longer be trusted."""
    os.write(2, why.encode(errors="replace"))
    os._exit(70)


def guarded(act: Callable[[], None]) -> None:
    """Does it, and ends the process if it fails."""
    try:
        act()
    except BaseException:
        die(traceback.format_exc())
