"""Processes that tests start, find and kill, each by its id."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

END_WITHIN_S = 20


@dataclass(frozen=True)
class Running:
    """A process that somebody else started."""

    pid: int

    def is_running(self, word: str) -> bool:
        """Whether the word is in its command."""
        try:
            return word in Path(f"/proc/{self.pid}/cmdline").read_text()
        except OSError:
            return False

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def children_of(pid: int) -> list[Running]:
    """Children, grandchildren and so on, of a process."""
    found: list[Running] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            found += [Running(int(child)), *children_of(int(child))]
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process that runs."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


class Process:
    """One that the tests started. What it writes goes to `log`."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def all_pids(self) -> list[int]:
        """Its own, and those of all below it."""
        return [self.pid, *(child.pid for child in children_of(self.pid))]

    def end(self, with_signal: signal.Signals) -> None:
        self._process.send_signal(with_signal)
        self._process.wait(END_WITHIN_S)

    def kill_with_children(self) -> None:
        """Kills it and all below it at once: what a node that loses its power is like."""
        below = children_of(self.pid)
        self._process.kill()
        for child in below:
            try:
                child.kill()
            except ProcessLookupError:
                continue
        self._process.wait(END_WITHIN_S)
