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
from pathlib import Path
from typing import Any

PACKAGE_PATH = Path(__file__).resolve().parent.parent
CHUNK_BYTES = 256 * 1024
WINDOW_BYTES = 1024 * 1024
"""What may be on its way to the client: beyond it nothing is read from the child until some of it has arrived."""
MAX_BACKLOG_BYTES = 32 * 1024 * 1024
"""What may wait for a child that takes nothing in."""

Said = tuple[str, Any]
"""`("placed", {…})`, `("said", bytes)`, `("beat", None)`, `("exited", why)`, `("overrun", why)`."""


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

    async def open(self, beat_s: float) -> AsyncIterator[Said]:
        """Starts the child; then all that it says, and a beat where it says nothing, until it ends."""
        child = self._child = await _start_child()
        for data in self._early:
            self._write(child, data)
        self._early.clear()
        yield ("placed", _place(child))
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


async def _start_child() -> Process:
    path = os.pathsep.join(filter(None, [str(PACKAGE_PATH), os.environ.get("PYTHONPATH")]))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-u", "-m", "millhand_ray.worker", str(os.getpid())),
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


def _place(child: Process) -> dict[str, Any]:
    import ray

    return {
        "node": ray.get_runtime_context().get_node_id(),
        "host": socket.gethostname(),
        "pid": child.pid,
        "runtime": f"CPython {sys.version.split()[0]}",
    }


def _describe(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    hint = ": out of memory, perhaps" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"
