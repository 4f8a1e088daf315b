"""The Ray behind the bridge: joined, or started for this bridge alone, within a bounded time."""

from __future__ import annotations

import atexit
import logging
import os
import re
import secrets
import shutil
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import failures, nodejs
from .failures import Failure, Refused

log = logging.getLogger("millhand_ray")

RAY_VERSION = "2.60.0"
"""What a server installs: `python.rs` has the same."""
REACH_WITHIN_S = 5.0
CONNECT_WITHIN_S = 45.0
OBJECT_STORE_BYTES = 512 * 1024 * 1024
OWN = "local"
"""Where a Ray is that this process starts, as Ray calls it."""
WHICH_PORT = (
    "name the port that `ray start --head --port` was told, or 6379; that of the dashboard (8265) or of Ray Client (10001) "
    "is another"
)
# A node that dies is noticed in seconds, rather than in half a minute.
_HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(frozen=True)
class PackageSource:
    """How workers of an engine have packages."""

    has_our_packages: bool
    """Whether its nodes have the packages that this process has: they were started by it."""
    has_network: bool
    """Whether its nodes can install others."""


@dataclass(frozen=True)
class Engine:
    """A Ray that answers."""

    version: str
    packages: PackageSource
    runtimes: list[str]
    """What its workers can run, as far as that can be told from here."""

    def state(self) -> dict[str, Any]:
        """What a client is told of it."""
        import ray

        nodes = [node for node in ray.nodes() if node["Alive"]]
        cpus = sum(node["Resources"].get("CPU", 0.0) for node in nodes)
        return {"state": "up", "version": self.version, "nodes": len(nodes), "cpus": cpus, "runtimes": self.runtimes}

    def leave(self) -> None:
        """Ends it if it is ours, and what this bridge has in it in any case."""
        import ray

        ray.shutdown()


def connect(url: str, is_isolated: bool, on_timeout: Callable[[Failure], None]) -> Engine:
    """Joins or starts it. Raises `Refused`; calls `on_timeout` from another thread if Ray hangs, which it does."""
    watchdog = threading.Timer(CONNECT_WITHIN_S, on_timeout, [_timed_out(url)])
    watchdog.daemon = True
    watchdog.start()
    try:
        return _start(is_isolated) if url == "ray://auto" else _join(url.removeprefix("ray://"))
    except ImportError as error:
        raise Refused(
            failures.engine_down(
                f"`{sys.executable}` has no Ray: {error}",
                f"do: {sys.executable} -m pip install ray=={RAY_VERSION} virtualenv; or start the server without `--python`: "
                "then it makes an environment that has it",
            )
        ) from error
    finally:
        watchdog.cancel()


def _start(is_isolated: bool) -> Engine:
    if is_isolated:
        bring_up_loopback()
    os.environ.update(_HEALTH)
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_urlsafe(32))
    # Sockets in it have short names at most.
    folder = tempfile.mkdtemp(prefix="mh-ray-")
    # Registered before Ray's own, it comes after that, which ends Ray's processes.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _init(
        PackageSource(has_our_packages=True, has_network=not is_isolated),
        address=OWN,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
    )


def _join(address: str) -> Engine:
    _reach(address)
    return _init(
        PackageSource(has_our_packages=False, has_network=True),
        address=address,
        runtime_env={"py_modules": [os.path.dirname(os.path.abspath(__file__))]},
    )


def _reach(address: str) -> None:
    """Ray waits for long before it says that it is not there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_WITHIN_S) as connection:
            is_ray = _uses_tls() or _speaks_http2(connection)
    except OSError as error:
        raise Refused(
            failures.engine_down(
                f"nothing answers at `{address}` (tried for {REACH_WITHIN_S:.0f} seconds at most): {error}",
                "start a head node there, `ray start --head --port <port>`, or use `--engine ray://auto`",
            )
        ) from error
    if not is_ray:
        raise Refused(failures.engine_down(f"what answers at `{address}` is no Ray", WHICH_PORT))


def _uses_tls() -> bool:
    return os.environ.get("RAY_USE_TLS", "").lower() in ("1", "true")


def _speaks_http2(connection: socket.socket) -> bool:
    """As gRPC does: its side begins with a frame of settings, whatever is asked for."""
    settings = 4
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">xHBBI", 0, settings, 0, 0))
    try:
        head = connection.recv(9, socket.MSG_WAITALL)
    except ConnectionError:
        return False
    return len(head) == 9 and head[3] == settings


def _init(packages: PackageSource, **options: Any) -> Engine:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, namespace="millhand", **options)
    except Exception as error:
        raise Refused(_failure_of(error, str(options["address"]))) from error
    return Engine(ray.__version__, packages, _runtimes(packages))


def _runtimes(packages: PackageSource) -> list[str]:
    """Nodes of a cluster that was joined say for themselves whether they have Node."""
    if packages.has_our_packages:
        try:
            nodejs.find()
        except Refused as refused:
            log.warning("remote workers run Python alone: %s", refused)
            return ["python"]
    return ["python", "javascript"]


def _failure_of(error: Exception, address: str) -> Failure:
    text = str(error)
    if "Version mismatch" in text:
        return _mismatch(text, address)
    if address != OWN and (isinstance(error, ConnectionError) or "uthenticat" in text):
        # Ray tells its log that the token is wrong, and its caller nothing.
        return failures.engine_down(
            f"the Ray at `{address}` answers, and does not let this server in: {text}",
            "set `RAY_AUTH_MODE=token` and `RAY_AUTH_TOKEN` to what the cluster has",
        )
    if address == OWN:
        return failures.engine_down(
            f"Ray cannot be started here: {type(error).__name__}: {text}",
            "`millhand doctor --engine ray://auto` looks at all that it takes",
        )
    return failures.engine_down(
        f"the Ray at `{address}` cannot be joined: {type(error).__name__}: {text}",
        "a server runs on a node of its cluster: `ray start --address <host:port> --num-cpus 0` makes this machine one",
    )


def _mismatch(text: str, address: str) -> Failure:
    """Ray tells its versions and Python's, first the cluster's, then this process's."""
    pairs = re.findall(r"Ray: (\S+)\s+Python: (\S+)", text)
    if len(pairs) != 2:
        return failures.engine_mismatch(text, "name a Python with the cluster's Ray, and of its version, with `--python`")
    (ray, python), (our_ray, our_python) = pairs
    return failures.engine_mismatch(
        f"the cluster at `{address}` has Ray {ray} on Python {python}, and the server's bridge has Ray {our_ray} on "
        f"Python {our_python} (`{sys.executable}`)",
        f"make a Python like the cluster's, `uv venv --python {python} ray-env && uv pip install --python "
        f"ray-env/bin/python ray=={ray} virtualenv`, and start the server with `--python ray-env/bin/python`",
    )


def _timed_out(url: str) -> Failure:
    return failures.engine_down(
        f"the engine `{url}` did not answer within {CONNECT_WITHIN_S:.0f} seconds",
        f"see that it runs, and that `RAY_AUTH_TOKEN` is its token; {WHICH_PORT}",
    )


def bring_up_loopback() -> None:
    """In a network of its own even the loopback interface is down at first."""
    import fcntl

    request_flags, set_flags, up_and_running = 0x8913, 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("16xH", fcntl.ioctl(any_socket, request_flags, name))
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up_and_running))
