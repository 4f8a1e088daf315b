"""Tasks on a Ray of two nodes: they settle, speak while they run, are stopped, and fail in ways that say why."""

from __future__ import annotations

import asyncio
import time

import pytest

from millhand_ray.worker.protocol import Outcome

from . import behaviour
from .asynchronous import asynchronously
from .client import Failed, Lost
from .conftest import Server

ENDLESS = "context.info('runs')\nwhile True: pass"


@asynchronously
async def test_every_task_settles_once_on_both_nodes(server: Server) -> None:
    async with server.session() as session:
        engine = await session.engine_is("up", nodes=3)
        assert (engine["version"], engine["cpus"]) == ("2.60.0", 4)
        workers = await asyncio.gather(*(session.opened() for _ in range(4)))
        assert len({worker.place["node"] for worker in workers if worker.place}) == 2
        await behaviour.settles_each_task_once(workers, "args['n'] * 2")


@asynchronously
async def test_messages_come_while_their_task_runs(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        await behaviour.speaks_while_it_runs(
            worker,
            "import queue\ncame = queue.Queue()\ncontext.onData = came.put\n"
            "for step in range(3):\n    context.sendData({'step': step})\n    print(came.get(timeout=30))\n'end'",
        )


@asynchronously
async def test_an_endless_loop_is_cancelled_and_its_worker_goes_on(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        task = worker.start(ENDLESS)
        await task.next()
        task.abort()
        with pytest.raises(Failed) as failed:
            await task.done
        assert failed.value.record["python"]["type"] == "KeyboardInterrupt"
        assert await worker.run("1 + 1") == 2


@asynchronously
async def test_a_worker_that_does_not_end_is_closed_and_its_place_is_free(server: Server) -> None:
    async with server.session() as session:
        workers = await asyncio.gather(*(session.opened() for _ in range(4)))
        stubborn = "context.info('runs')\nwhile True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass"
        for worker in workers:
            await worker.start(stubborn).next()
            worker.close()
        assert [(await worker.lost)["code"] for worker in workers] == ["closed"] * 4
        # There are four processors: these four would wait for ever if the others held them.
        again = await asyncio.gather(*(session.opened() for _ in range(4)))
        assert await again[0].run("1") == 1


@asynchronously
async def test_failures_say_why(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        with pytest.raises(Failed, match="a Python `function` has no JavaScript form") as unpicklable:
            await worker.run("lambda: 1")
        assert unpicklable.value.outcome == Outcome.UNCLONABLE
        with pytest.raises(Failed, match="ModuleNotFoundError: No module named"):
            await worker.run("import no_such_package")
        with pytest.raises(Failed, match="ZeroDivisionError"):
            await worker.run("1 / 0")
        assert await worker.run("'and it goes on'") == "and it goes on"


@asynchronously
async def test_a_package_that_cannot_be_had_loses_its_worker_with_the_cause(server: Server) -> None:
    async with server.session() as session:
        missing = session.open(
            environment={"python": ["no-such-package @ file:///nonexistent/no_such_package-1-py3-none-any.whl"]}
        )
        with pytest.raises(Lost, match="no_such_package") as lost:
            await missing.ready
        assert lost.value.code == "environment-failed"
        malformed = session.open(environment={"python": ["numpy>>2"]})
        with pytest.raises(Lost, match="is no requirement of `pip`"):
            await malformed.ready
        unknown = session.open(runtime="ruby")
        assert (await unknown.lost)["code"] == "runtime-unknown"


@asynchronously
async def test_a_worker_that_sends_faster_than_it_is_heard_waits(server: Server) -> None:
    async with server.session() as session, server.session() as other:
        quiet, undisturbed = await asyncio.gather(session.opened(), other.opened())
        flood = "for step in range(100):\n    context.sendData(bytes(1024 * 1024))\n'end'"
        await behaviour.waits_until_it_is_heard(session, quiet, flood, undisturbed, "args['n']")


@asynchronously
async def test_latency_is_a_few_milliseconds(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        took = []
        for _ in range(100):
            began = time.perf_counter()
            await worker.run("None")
            took.append(time.perf_counter() - began)
        # No time is asserted that a busy machine could not keep: a timer in the way would add 40 ms and more to each.
        assert sorted(took)[50] < 0.04
