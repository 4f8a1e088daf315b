"""Measures tasks through the gateway beside calls of Ray's own actors, on one cluster, in turns. Prints a JSON line per sample.

`cargo xtask bench ray` runs it, in a network of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from millhand_ray.engine import bring_up_loopback

from .client import Session, Worker
from .conftest import Cluster, Server

WORKERS = 2
SAMPLES = os.dup(1)
NAP = "import time\ntime.sleep(0.01)"


Run = Callable[[int], Awaitable[None]]
"""Runs so many tasks."""


class Subject(NamedTuple):
    """Who is measured: tasks that do nothing, and tasks of 10 ms."""

    name: str
    nothing: Run
    nap: Run


class Own:
    """What a user of Ray would write."""

    def nothing(self) -> None:
        return None

    def nap(self) -> None:
        time.sleep(0.01)


def say(workload: str, subject: str, unit: str, value: float) -> None:
    sample = {"workload": workload, "subject": subject, "unit": unit, "value": value}
    os.write(SAMPLES, json.dumps(sample).encode() + b"\n")


async def main(rounds: int, tasks: int) -> None:
    bring_up_loopback()
    cluster = Cluster()
    folder = tempfile.TemporaryDirectory(prefix="mhr-")
    try:
        cluster.add_node()
        cluster.add_node()
        server = Server(Path(folder.name), f"ray://{cluster.address}", cluster.environment)
        try:
            async with server.session() as session:
                await compare(session, cluster, rounds, tasks)
        finally:
            server.end()
    finally:
        cluster.end()
        folder.cleanup()


async def compare(session: Session, cluster: Cluster, rounds: int, tasks: int) -> None:
    await session.engine_is("up", nodes=3)
    workers = await asyncio.gather(*(session.opened() for _ in range(WORKERS)))
    os.environ.update(cluster.environment)
    # It looks at the environment when it is imported.
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    remote = ray.remote(Own).options(scheduling_strategy="SPREAD")
    actors = [remote.remote() for _ in range(WORKERS)]
    ray.get([actor.nothing.remote() for actor in actors])
    await asyncio.gather(*(worker.run("None") for worker in workers))
    subjects = [
        Subject("Ray's actors", own(actors, "nothing"), own(actors, "nap")),
        Subject("millhand", through(workers, "None"), through(workers, NAP)),
    ]
    for number in range(rounds):
        # Each round begins with another.
        turn = subjects if number % 2 == 0 else subjects[::-1]
        for subject in turn:
            say("no-op tasks", subject.name, "tasks/s", await rate(tasks, subject.nothing))
        for subject in turn:
            say("10 ms tasks", subject.name, "tasks/s", await rate(tasks // 10, subject.nap))
        for subject in turn:
            for took in await latencies(subject.nothing):
                say("round trip", subject.name, "ms", took)


def own(actors: list[Any], method: str) -> Run:
    async def run(count: int) -> None:
        import ray

        await asyncio.to_thread(ray.get, [getattr(actors[n % len(actors)], method).remote() for n in range(count)])

    return run


def through(workers: list[Worker], source: str) -> Run:
    async def run(count: int) -> None:
        await asyncio.gather(*(workers[n % len(workers)].start(source).done for n in range(count)))

    return run


async def rate(count: int, run: Run) -> float:
    began = time.perf_counter()
    await run(count)
    return count / (time.perf_counter() - began)


async def latencies(run: Run) -> list[float]:
    took = []
    for _ in range(100):
        began = time.perf_counter()
        await run(1)
        took.append((time.perf_counter() - began) * 1000)
    return took


if __name__ == "__main__":
    # Ray writes news of its nodes to its driver's output, which are no samples.
    os.dup2(2, 1)
    asyncio.run(main(*map(int, sys.argv[1:])))
