"""JavaScript on a Ray of two nodes: each worker is a Node of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from millhand_ray.nodejs import NAME_VARIABLE
from millhand_ray.worker.protocol import HostKind, Outcome

from . import behaviour
from .asynchronous import asynchronously
from .client import Failed, Lost
from .conftest import Cluster, Server

ENDLESS = "({ context }) => { context.info('runs'); for (;;); }"


@asynchronously
async def test_every_task_settles_once_on_both_nodes(server: Server) -> None:
    async with server.session() as session:
        assert (await session.engine_is("up", nodes=3))["runtimes"] == ["python", "javascript"]
        workers = await asyncio.gather(*(session.opened("javascript") for _ in range(4)))
        places = [worker.place for worker in workers if worker.place]
        assert len({place["node"] for place in places}) == 2
        assert all(place["runtime"].startswith("Node ") for place in places)
        await behaviour.settles_each_task_once(workers, "({ args }) => args.n * 2")


@asynchronously
async def test_what_is_said_to_a_worker_arrives_in_order(server: Server) -> None:
    async with server.session() as session:
        for _ in range(3):
            workers = await asyncio.gather(*(session.opened("javascript") for _ in range(4)))
            for n in range(50):
                # Each is two messages, and fails if the second one is the first.
                tasks = [worker.start(f"() => {n}") for worker in workers]
                assert await asyncio.gather(*(task.done for task in tasks)) == [n for _ in workers]
            for worker in workers:
                worker.close()


@asynchronously
async def test_messages_come_while_their_task_runs(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened("javascript")
        await behaviour.speaks_while_it_runs(
            worker,
            """async ({ context }) => {
                 for (let step = 0; step < 3; step += 1) {
                   const came = new Promise((resolve) => (context.onData = resolve))
                   context.sendData({ step })
                   console.log(await came)
                 }
                 return 'end'
               }""",
        )


@asynchronously
async def test_an_endless_loop_is_closed_and_the_others_go_on(server: Server) -> None:
    async with server.session() as session:
        workers = await asyncio.gather(*(session.opened("javascript") for _ in range(4)))
        for worker in workers[1:]:
            task = worker.start(ENDLESS)
            await task.next()
            task.abort()
            worker.close()
        assert [(await worker.lost)["code"] for worker in workers[1:]] == ["closed"] * 3
        assert await workers[0].run("() => 1") == 1
        # There are four processors: these would wait for ever if the others held them.
        again = await asyncio.gather(*(session.opened("javascript") for _ in range(3)))
        assert await again[0].run("() => 2") == 2


@asynchronously
async def test_a_task_that_waits_hears_that_it_is_cancelled(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened("javascript")
        task = worker.start(
            """({ context }) => new Promise((resolve, reject) => {
                 context.signal.addEventListener('abort', () => reject(context.signal.reason))
                 context.info('runs')
               })"""
        )
        await task.next()
        task.abort()
        with pytest.raises(Failed) as failed:
            await task.done
        assert failed.value.record["name"] == "TimeoutError"
        assert await worker.run("() => 1") == 1


@asynchronously
async def test_failures_say_why(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened("javascript")
        with pytest.raises(Failed, match=r"`value\.f` is a function") as unclonable:
            await worker.run("() => ({ f: () => 1 })")
        assert unclonable.value.outcome == Outcome.UNCLONABLE
        with pytest.raises(Failed, match="no") as threw:
            await worker.run("function fails() { throw Object.assign(new RangeError('no'), { code: 'E7' }) }")
        record = threw.value.record
        assert (threw.value.outcome, record["name"], record["properties"]) == (Outcome.THREW, "RangeError", {"code": "E7"})
        assert "at fails" in record["stack"]
        with pytest.raises(Failed, match="no_such_package"):
            await worker.run("() => import('no_such_package')")
        assert await worker.run("() => 'and it goes on'") == "and it goes on"


@asynchronously
async def test_a_process_that_is_killed_loses_its_worker_alone(server: Server) -> None:
    async with server.session() as session:
        doomed, other = await asyncio.gather(session.opened("javascript"), session.opened("javascript"))
        running = other.start("({ context }) => new Promise((resolve) => { context.onData = resolve; context.info('runs') })")
        task = doomed.start(ENDLESS)
        await asyncio.gather(task.next(), running.next())
        assert doomed.place
        os.kill(doomed.place["pid"], signal.SIGKILL)
        with pytest.raises(Lost) as lost:
            await task.done
        assert (lost.value.code, "SIGKILL" in str(lost.value)) == ("worker-died", True)
        other.send([HostKind.DATA, running.number, "end"])
        assert await running.done == "end"
        assert await (await session.opened("javascript")).run("() => 2") == 2


@asynchronously
async def test_how_a_process_ended_is_said(server: Server) -> None:
    async with server.session() as session:
        leaving, aborting = await asyncio.gather(session.opened("javascript"), session.opened("javascript"))
        with pytest.raises(Lost, match="status 3"):
            await leaving.run("() => process.exit(3)")
        # As Node does when its heap is full.
        with pytest.raises(Lost, match="SIGABRT: out of memory, perhaps"):
            await aborting.run("() => process.abort()")


@asynchronously
async def test_a_worker_that_sends_faster_than_it_is_heard_waits(server: Server) -> None:
    async with server.session() as session, server.session() as other:
        quiet, undisturbed = await asyncio.gather(session.opened("javascript"), other.opened("javascript"))
        flood = """({ context }) => {
                 for (let step = 0; step < 100; step += 1) context.sendData(new Uint8Array(1024 * 1024))
                 return 'end'
               }"""
        await behaviour.waits_until_it_is_heard(session, quiet, flood, undisturbed, "({ args }) => args.n")


@asynchronously
async def test_a_machine_without_node_says_so(cluster: Cluster, server: Server) -> None:
    async with server.session() as session:
        await session.engine_is("up", nodes=3)
        # The only one that has so many processors.
        without = cluster.add_node(7, **{NAME_VARIABLE: "/nonexistent/node"})
        try:
            await session.engine_is("up", nodes=4)
            worker = session.open("javascript", resources={"cpus": 7})
            failure = await worker.lost
            assert failure["code"] == "runtime-unknown"
            assert "there is no `/nonexistent/node` on `" in failure["message"]
            assert "`MILLHAND_NODE`" in failure["hint"]
            assert await (await session.opened("python", resources={"cpus": 7})).run("1") == 1
        finally:
            without.kill_with_children()
        await session.engine_is("up", nodes=3)


@asynchronously
async def test_a_ray_of_the_servers_own_without_node_runs_python_alone(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    server = Server(tmp_path, "ray://auto", {**environment, NAME_VARIABLE: "/nonexistent/node"})
    try:
        async with server.session() as session:
            assert (await session.engine_is("up"))["runtimes"] == ["python"]
            failure = await session.open("javascript").lost
            assert failure["code"] == "runtime-unknown"
            assert "install Node 20" in failure["hint"]
            assert await (await session.opened()).run("1") == 1
    finally:
        server.end()
