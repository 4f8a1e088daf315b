"""The numbers of `js/src/wire/protocol.ts` that remote workers have; a test compares the two."""

from __future__ import annotations

from enum import IntEnum


class HostKind(IntEnum):
    """What the host says: the first element of each of its messages."""

    INSTALL = 0
    DEFINE = 1
    RUN = 2
    DATA = 3
    ABORT = 4
    WITHDRAW = 5


class WorkerKind(IntEnum):
    """What a worker says: the first element of each of its messages."""

    BOOTED = 0
    PROGRESS = 1
    READY = 2
    INSTALL_FAILED = 3
    LOG = 4
    DATA = 5
    POST_ERROR = 6
    EXIT = 7
    RETURNED = 8


class Outcome(IntEnum):
    """How a task ended."""

    COMPLETED = 0
    THREW = 1
    UNCLONABLE = 2
