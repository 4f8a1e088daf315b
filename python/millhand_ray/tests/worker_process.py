"""A real worker process, spoken to over its pipes as its actor does."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from millhand_ray.worker.codec import decode_all, encode
from millhand_ray.worker.protocol import HostKind, Outcome, WorkerKind

SOURCES = Path(__file__).parent.parent / "src"
ENDS_WITHIN_S = 10


class WorkerProcess:
    """One that is installed."""

    def __init__(self, *arguments: str, compiles: bool, **setup: Any) -> None:
        """`arguments` are those of Python; `compiles` is whether it runs JavaScript."""
        self._process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
        )
        self._waiting: list[list[Any]] = []
        assert self.next() == [WorkerKind.BOOTED, None, compiles]
        self.send(
            [HostKind.INSTALL, "w1", {"modules": None, "python": None, "globals": [], "postInstallTasks": [], **setup}, None]
        )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._process

    @property
    def said(self) -> BinaryIO:
        """What it says, as it is on the pipe."""
        assert self._process.stdout
        return cast(BinaryIO, self._process.stdout)

    def send(self, *messages: list[Any]) -> None:
        self.write(frame(*messages))

    def write(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def next(self) -> list[Any]:
        while not self._waiting:
            head = self.said.read(4)
            assert head, "the worker has ended"
            (length,) = struct.unpack(">I", head)
            for batch in decode_all(self.said.read(length)):
                self._waiting += batch
        return self._waiting.pop(0)

    def until(self, kind: WorkerKind) -> list[Any]:
        while (message := self.next())[0] != kind:
            pass
        return message

    def end_of(self, task: int) -> tuple[Outcome, Any]:
        """Outcome and value of the task, which is the next to end."""
        _, ended, outcome, value, took_us = self.until(WorkerKind.EXIT)
        assert ended == task
        assert took_us >= 0
        return Outcome(outcome), value

    def ends_with(self) -> int:
        return self._process.wait(ENDS_WITHIN_S)

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(ENDS_WITHIN_S)
        self.said.close()


Kind = TypeVar("Kind", bound=WorkerProcess)


def installed(worker: Kind) -> Iterator[Kind]:
    """Gives it once it is ready, and ends it afterwards: what a fixture does."""
    worker.until(WorkerKind.READY)
    yield worker
    worker.end()


def frame(*messages: list[Any]) -> bytes:
    """A batch, as it is on the pipe."""
    batch = encode(list(messages))
    return struct.pack(">I", len(batch)) + batch
