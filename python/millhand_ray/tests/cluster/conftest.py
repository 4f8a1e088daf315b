"""A network with nothing but loopback, a Ray of two nodes in it with a token, and millhand servers that join it.

All of it runs in a network namespace of its own, so that Ray, which listens on every address it finds, finds none but loopback.
Needs Linux, `unshare`, `MILLHAND_BIN`, and Ray in this Python.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from millhand_ray.engine import bring_up_loopback

from .client import Session
from .processes import Process, children_of

HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
STORE = f"--object-store-memory={100 * 1024 * 1024}"
UP_WITHIN_S = 60


class Cluster:
    """Ray's head, which has no processors, and nodes of two each that can be added and killed."""

    ray: tuple[str, ...] = ("-m", "ray.scripts.scripts")
    """The arguments of this Python that are the program `ray`."""

    def __init__(self, **more: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mhr-"))
        self.token = secrets.token_urlsafe(32)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            **HEALTH,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            **more,
        }
        self.nodes: list[Process] = []
        head = ("--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={self.folder}")
        self._start(*head, *self.head_options())

    def head_options(self) -> tuple[str, ...]:
        """What else its head is started with."""
        return ()

    def add_node(self, cpus: int = 2, **environment: str) -> Process:
        """Starts one; it is there when the engine says so."""
        options = (f"--address={self.address}", f"--num-cpus={cpus}", f"--temp-dir={self.folder}")
        return self._start(*options, **environment)

    def _start(self, *options: str, **environment: str) -> Process:
        options = ("--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1", STORE, *options)
        log = self.folder / f"node-{len(self.nodes)}.log"
        node = Process([sys.executable, *self.ray, "start", *options], {**self.environment, **environment}, log)
        self.nodes.append(node)
        # Two that start at once get into each other's way.
        wait_until(lambda: "Ray runtime started" in log.read_text())
        return node

    def end(self) -> None:
        for node in reversed(self.nodes):
            node.kill_with_children()
        shutil.rmtree(self.folder, ignore_errors=True)


class Server:
    """`millhand serve` with an engine."""

    def __init__(
        self,
        folder: Path,
        engine: str,
        environment: Mapping[str, str] = os.environ,
        *options: str,
        port: int | None = None,
        token: str | None = None,
        python: str | Path = sys.executable,
    ) -> None:
        self.port = port or free_port()
        self.token = token or secrets.token_urlsafe(24)
        self.folder = folder
        self.log = folder / "server.log"
        site = folder / "site"
        site.mkdir(exist_ok=True)
        (site / "index.html").write_text("a page")
        options = (f"--port={self.port}", f"--cache-dir={folder / 'cache'}", f"--python={python}", *options)
        command = [os.environ["MILLHAND_BIN"], "-v", "serve", str(site), f"--engine={engine}", *options]
        self.process = Process(command, {**environment, "MILLHAND_TOKEN": self.token}, self.log)
        wait_for_port(self.port)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/millhand/gateway"

    def session(self) -> Session:
        return Session(self.url, self.token)

    def bridge(self) -> int:
        """The bridge's process."""
        (bridge,) = [child for child in children_of(self.process.pid) if child.is_running("millhand_ray")]
        return bridge.pid

    def end(self) -> None:
        self.process.end(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Until something answers there."""

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    wait_until(answers)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Looks again and again: it is about other processes."""
    deadline = time.monotonic() + UP_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


@pytest.fixture(scope="session", autouse=True)
def lone_network() -> None:
    """Sees that nothing but loopback is there, before Ray listens anywhere."""
    interfaces = [name for _, name in socket.if_nameindex()]
    if interfaces != ["lo"]:
        pytest.skip(f"the network has {interfaces}: `cargo xtask test ray` runs these tests in one of their own")
    bring_up_loopback()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.add_node()
        cluster.add_node()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture(scope="session")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), f"ray://{cluster.address}", cluster.environment)
    try:
        yield server
    finally:
        server.end()
