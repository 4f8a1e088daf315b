"""`python -m millhand_ray --engine ray://…`: the bridge of a millhand server."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import select
import signal
import sys
import threading
from typing import Any

from .engine import Engine, connect
from .failures import Failure, Refused
from .wire import json_frame

READ_BYTES = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m millhand_ray")
    parser.add_argument("--engine", required=True, help="`ray://auto` or `ray://host:port`")
    parser.add_argument("--isolated", action="store_true", help="this process has a network of its own")
    parser.add_argument("--check", action="store_true", help="say how the engine is, as JSON, and end")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Whatever else is printed here is not to be taken for frames.
    protocol = os.dup(1)
    os.dup2(2, 1)
    if options.check:
        return _check(options.engine, options.isolated, protocol)
    is_up = threading.Event()
    threading.Thread(target=_interrupt_when_left, args=[is_up], name="millhand-watch", daemon=True).start()
    try:
        engine = connect(options.engine, options.isolated, lambda failure: _end_in_time(protocol, failure))
    except KeyboardInterrupt:
        return 1
    except Refused as refused:
        _tell_down(protocol, refused.failure)
        return 1
    is_up.set()
    try:
        asyncio.run(_carry(engine, protocol))
    finally:
        engine.leave()
    return 0


def _check(url: str, is_isolated: bool, output: int) -> int:
    def say(report: dict[str, Any]) -> None:
        os.write(output, json.dumps(report).encode())

    def give_up(failure: Failure) -> None:
        say({"failure": failure})
        os._exit(1)

    try:
        engine = connect(url, is_isolated, give_up)
    except Refused as refused:
        say({"failure": refused.failure})
        return 1
    from .check import look

    try:
        say(asyncio.run(look(engine)))
    finally:
        engine.leave()
    return 0


async def _carry(engine: Engine, protocol: int) -> None:
    # It imports Ray, which looks at the environment as it is then: an engine that this process starts has changed it.
    from .bridge import Bridge

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, flow = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(protocol, "wb", buffering=0)
    )
    await Bridge(engine, asyncio.StreamWriter(transport, flow, None, loop)).run(reader)


def _interrupt_when_left(is_up: threading.Event) -> None:
    """The end of the input is the end of all, also while Ray still starts, and nobody reads it."""
    ends = select.poll()
    ends.register(0, 0)
    while not any(event & select.POLLHUP for _, event in ends.poll()):
        continue
    main_thread = threading.main_thread().ident
    if main_thread is not None and not is_up.is_set():
        signal.pthread_kill(main_thread, signal.SIGINT)


def _tell_down(protocol: int, failure: Failure) -> None:
    os.write(protocol, json_frame({"type": "engine", "state": "down", "error": failure}))


def _end_in_time(protocol: int, failure: Failure) -> None:
    assert threading.current_thread() is not threading.main_thread()
    _tell_down(protocol, failure)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
