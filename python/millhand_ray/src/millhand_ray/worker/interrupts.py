"""Interrupts of the main thread, which are for the task that runs, and for nothing around it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """`SIGINT`, heeded only where `heeded` says so. Make it in the main thread."""

    def __init__(self) -> None:
        self._is_heeded = False
        self._held_back = 0
        self._is_pending = False
        self._main = threading.main_thread()
        signal.signal(signal.SIGINT, self._on_signal)
        # Ray's processes block it, and their children have that from them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def interrupt(self) -> None:
        """Raises `KeyboardInterrupt` in the main thread, if it heeds that. Call it from another thread."""
        assert self._main.ident is not None
        signal.pthread_kill(self._main.ident, signal.SIGINT)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Within it, an interrupt raises `KeyboardInterrupt`."""
        self._is_pending = False
        self._is_heeded = True
        try:
            yield
        finally:
            self._is_heeded = False

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Within it, an interrupt of the main thread waits for its end."""
        if threading.current_thread() is not self._main:
            yield
            return
        self._held_back += 1
        try:
            yield
        finally:
            self._held_back -= 1
        if self._is_pending and self._is_heeded and not self._held_back:
            self._is_pending = False
            raise KeyboardInterrupt

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._is_heeded:
            return
        if self._held_back:
            self._is_pending = True
        else:
            raise KeyboardInterrupt
