"""The `context` of a running task: the names are those that a task has in a page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .codec import Unclonable
from .errors import record_of
from .output import Output
from .protocol import WorkerKind

T = TypeVar("T")


class AbortSignal:
    """Whether the task is to end. A loop that looks at it can end in its own way."""

    def __init__(self) -> None:
        self.reason: Any = None
        self._event = threading.Event()

    @property
    def aborted(self) -> bool:
        return self._event.is_set()

    def throwIfAborted(self) -> None:
        """Raises `KeyboardInterrupt` if it is."""
        if self.aborted:
            raise KeyboardInterrupt

    def abort(self, reason: Any) -> None:
        """For the runtime."""
        self.reason = reason
        self._event.set()


class TaskContext:
    """How a task talks to its pool."""

    def __init__(self, task_id: int, output: Output) -> None:
        self.signal = AbortSignal()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._task_id = task_id
        self._output = output
        self._lock = threading.Lock()
        self._inbox: list[Any] = []
        self._on_data: Callable[[Any], object] | None = None
        self._has_ended = False

    def info(self, text: str, json: object = None) -> None:
        """Sends a `Log` message."""
        self._say([WorkerKind.LOG, self._task_id, str(text), json])

    def progress(self, fraction: float, text: str = "") -> None:
        """Sends how far the task is, from 0 to 1."""
        self.info(text, {"progress": fraction})

    def sendData(self, data: object) -> None:
        """Sends a `Data` message."""
        self._say([WorkerKind.DATA, self._task_id, data])

    def transfer(self, value: T, _list: object = None) -> T:
        """There is nothing to move between machines: it is copied."""
        return value

    @property
    def onData(self) -> Callable[[Any], object] | None:
        """Called with what the pool sends to the task: on the event loop of a task that awaits, else on a thread of its own."""
        return self._on_data

    @onData.setter
    def onData(self, handler: Callable[[Any], object] | None) -> None:
        with self._lock:
            self._on_data = handler
            waiting, self._inbox = (self._inbox, []) if handler else ([], self._inbox)
        for data in waiting:
            self._hand(handler, data)

    def receive(self, data: Any) -> None:
        """For the runtime: data for the task."""
        with self._lock:
            handler = self._on_data
            if handler is None:
                self._inbox.append(data)
        self._hand(handler, data)

    def end(self) -> None:
        """For the runtime: the task is over, and is heard no more."""
        self._has_ended = True
        self._on_data = None

    def log(self, lines: list[str]) -> bool:
        """For the runtime: what was printed. False if the task is over."""
        if self._has_ended:
            return False
        self._output.send(*([WorkerKind.LOG, self._task_id, line, None] for line in lines))
        return True

    def _hand(self, handler: Callable[[Any], object] | None, data: Any) -> None:
        if handler is None:
            return
        if self.loop is not None:
            self.loop.call_soon_threadsafe(handler, data)
        else:
            handler(data)

    def _say(self, message: list[Any]) -> None:
        if self._has_ended:
            return
        try:
            self._output.send(message)
        except Unclonable as error:
            self._output.send([WorkerKind.POST_ERROR, self._task_id, record_of(error)])
