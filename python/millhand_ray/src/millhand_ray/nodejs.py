"""Node on this machine, for workers that run JavaScript, and what they run in it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import failures
from .failures import Refused

WORKER_SCRIPT = Path(__file__).resolve().with_name("node-worker.mjs")
"""Put beside this file by the server, which has it inside."""
LEAST_VERSION = 20
NAME_VARIABLE = "MILLHAND_NODE"
ANSWERS_WITHIN_S = 20


@dataclass(frozen=True)
class Node:
    """One that is recent enough."""

    path: str
    version: str


def find() -> Node:
    """The one that `MILLHAND_NODE` names, else the one on `PATH`. Raises `Refused`."""
    if not WORKER_SCRIPT.is_file():
        raise Refused(failures.runtime_unknown("this server was built without its JavaScript package", "do: cargo xtask build"))
    name = os.environ.get(NAME_VARIABLE) or "node"
    path = shutil.which(name)
    if path is None:
        raise _unfit(f"there is no `{name}`")
    version = _version_of(path)
    if int(version.split(".")[0]) < LEAST_VERSION:
        raise _unfit(f"`{path}` is Node {version}")
    return Node(path, version)


def _version_of(path: str) -> str:
    try:
        output = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWERS_WITHIN_S, check=True, text=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise _unfit(f"`{path}` does not run: {error}") from error
    version = re.fullmatch(r"v(\d+\.\d+\.\d+\S*)", output.strip())
    if version is None:
        raise _unfit(f"`{path}` is no Node")
    return version[1]


def _unfit(what: str) -> Refused:
    return Refused(
        failures.runtime_unknown(
            f"{what} on `{socket.gethostname()}`, and JavaScript needs Node {LEAST_VERSION} or newer",
            f"install it on the engine's machines, or name it there with `{NAME_VARIABLE}`; or keep functions of JavaScript "
            "with local workers: `pool.remote.javascript: false`",
        )
    )
