"""What a worker sends: batches of messages, each a frame on a file descriptor."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

from .codec import Unclonable, encode
from .interrupts import Interrupts

MAX_BATCH_BYTES = 32 * 1024 * 1024 - 1024
"""The gateway's frames are no larger."""


class Output:
    """Sends, from any thread. It waits while nobody takes what it sends: so does the task."""

    def __init__(self, descriptor: int, interrupts: Interrupts) -> None:
        self._descriptor = descriptor
        self._interrupts = interrupts
        self._lock = threading.Lock()

    def send(self, *messages: list[Any]) -> None:
        """Sends a batch. Raises `Unclonable`, and sends nothing, if something in it cannot be sent."""
        batch = encode(list(messages))
        if len(batch) > MAX_BATCH_BYTES:
            raise Unclonable(f"a message of {len(batch):,} bytes is larger than a remote worker can send ({MAX_BATCH_BYTES:,})")
        frame = memoryview(struct.pack(">I", len(batch)) + batch)
        # An interrupt in the midst of a frame would end all understanding.
        with self._interrupts.held_back(), self._lock:
            while frame:
                frame = frame[os.write(self._descriptor, frame) :]


class Lines(io.TextIOBase):
    """A standard output whose lines go to `take`; they go where they went before when that refuses them."""

    def __init__(self, take: Callable[[list[str]], bool]) -> None:
        self._take = take
        self._rest = ""
        self._lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            self._pass_on(lines)
        return len(text)

    def end_line(self) -> None:
        """Passes on what has no end of its line."""
        with self._lock:
            line, self._rest = self._rest, ""
            self._pass_on([line] if line else [])

    def _pass_on(self, lines: list[str]) -> None:
        if lines and not self._take(lines):
            print(*lines, sep="\n", file=sys.stderr)
