"""A remote worker on its node: a Ray actor that owns one child process, and carries bytes between that and the bridge.

Killing the child ends whatever the worker does; killing the actor ends both.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import nodejs
from .failures import Refused

PACKAGE_PATH = Path(__file__).resolve().parent.parent
CHUNK_BYTES = 256 * 1024
WINDOW_BYTES = 1024 * 1024
"""What may be on its way to the client: beyond it nothing is read from the child until some of it has arrived."""
MAX_BACKLOG_BYTES = 32 * 1024 * 1024
"""What may wait for a child that takes nothing in."""

Said = tuple[str, Any]
"""`("placed", {…})`, `("said", bytes)`, `("beat", None)`, `("exited", why)`, `("overrun", why)`, `("refused", failure)`."""


@dataclass(frozen=True)
class Runtime:
    """What a child is, and how it is started."""

    name: str
    """As in `CPython 3.11.7`."""
    arguments: list[str]
    """Of this Python; it makes its frames' descriptors ready, and sees that the child dies with this process."""


class WorkerActor:
    """Made a Ray actor by `slot.py`."""

    def __init__(self) -> None:
        self._child: Process | None = None
        self._early: list[bytes] = []
        self._posts: dict[int, bytes] = {}
        self._next_post = 0
        self._outstanding_bytes = 0
        self._credit_came = asyncio.Event()
        self._overrun: str | None = None

    async def open(self, runtime_name: str, beat_s: float) -> AsyncIterator[Said]:
        """Starts the child; then all that it says, and a beat where it says nothing, until it ends."""
        try:
            runtime = await asyncio.to_thread(_runtime, runtime_name)
        except Refused as refused:
            yield ("refused", refused.failure)
            return
        child = self._child = await _start_child(runtime)
        for data in self._early:
            self._write(child, data)
        self._early.clear()
        yield ("placed", _place(child, runtime))
        frames = _frames(child, self._may_read)
        pending = asyncio.ensure_future(anext(frames, None))
        while True:
            done, _ = await asyncio.wait({pending}, timeout=beat_s)
            if not done:
                yield ("beat", None)
                continue
            payload = pending.result()
            if payload is None:
                break
            self._outstanding_bytes += len(payload)
            yield ("said", payload)
            pending = asyncio.ensure_future(anext(frames, None))
        status = await child.wait()
        yield ("overrun", self._overrun) if self._overrun else ("exited", _describe(status))

    async def post(self, number: int, data: bytes) -> None:
        """Frames for the child. Posts are numbered from 0, for Ray starts calls of an asynchronous actor in any order."""
        self._posts[number] = data
        while self._next_post in self._posts:
            self._take(self._posts.pop(self._next_post))
            self._next_post += 1

    def _take(self, data: bytes) -> None:
        if self._child is None:
            self._early.append(data)
        else:
            self._write(self._child, data)

    async def credit(self, count_bytes: int) -> None:
        """So much of what it said has arrived."""
        self._outstanding_bytes -= count_bytes
        self._credit_came.set()

    async def _may_read(self) -> None:
        while self._outstanding_bytes > WINDOW_BYTES:
            self._credit_came.clear()
            await self._credit_came.wait()

    def _write(self, child: Process, data: bytes) -> None:
        if child.stdin is None or child.stdin.is_closing() or child.returncode is not None:
            return
        child.stdin.write(data)
        waiting = child.stdin.transport.get_write_buffer_size()
        if waiting > MAX_BACKLOG_BYTES and self._overrun is None:
            self._overrun = f"{waiting:,} bytes wait for a worker that takes nothing in"
            child.kill()


def _runtime(name: str) -> Runtime:
    """Raises `Refused` if this node has it not."""
    parent = str(os.getpid())
    if name != "javascript":
        return Runtime(f"CPython {sys.version.split()[0]}", ["millhand_ray.worker", parent])
    found = nodejs.find()
    return Runtime(f"Node {found.version}", ["millhand_ray.worker.nodejs", parent, found.path, str(nodejs.WORKER_SCRIPT)])


async def _start_child(runtime: Runtime) -> Process:
    path = os.pathsep.join(filter(None, [str(PACKAGE_PATH), os.environ.get("PYTHONPATH")]))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-u", "-m", *runtime.arguments),
        stdin=PIPE,
        stdout=PIPE,
        limit=CHUNK_BYTES,
        env={**os.environ, "PYTHONPATH": path},
    )


async def _frames(child: Process, may_read: Any) -> AsyncIterator[bytes]:
    """What the child says, as many whole frames at a time as are there, without their lengths."""
    assert child.stdout is not None
    rest = bytearray()
    while True:
        await may_read()
        chunk = await child.stdout.read(CHUNK_BYTES)
        if not chunk:
            return
        rest += chunk
        payload, used = _whole_frames(rest)
        if used:
            del rest[:used]
            yield payload


def _whole_frames(data: bytearray) -> tuple[bytes, int]:
    parts: list[bytes] = []
    at = 0
    with memoryview(data) as view:
        while at + 4 <= len(data):
            (length,) = struct.unpack_from(">I", data, at)
            if at + 4 + length > len(data):
                break
            parts.append(bytes(view[at + 4 : at + 4 + length]))
            at += 4 + length
    return b"".join(parts), at


def _place(child: Process, runtime: Runtime) -> dict[str, Any]:
    import ray

    return {
        "node": ray.get_runtime_context().get_node_id(),
        "host": socket.gethostname(),
        "pid": child.pid,
        "runtime": runtime.name,
    }


def _describe(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    # Node aborts when its heap is full.
    hint = ": out of memory, perhaps" if name in ("SIGKILL", "SIGABRT") else ""
    return f"its process was ended by {name}{hint}"
