"""What breaks, is killed, or is not there: no task is lost unnoticed, and none runs twice by a reconnect."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import subprocess
import sys
import tempfile
import venv
from importlib import metadata
from pathlib import Path

import pytest

from .asynchronous import asynchronously
from .client import Closed, Lost
from .conftest import Cluster, Server, free_port, wait_until
from .processes import Running, is_alive

ENDLESS = "context.info('runs')\nwhile True: pass"


@asynchronously
async def test_a_cut_connection_loses_no_task_and_runs_none_twice(server: Server, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    note = "with open(args['file'], 'a') as file: file.write(f\"{args['n']}\\n\")\nargs['n']"
    async with server.session() as session:
        workers = await asyncio.gather(*(session.opened() for _ in range(2)))
        tasks = []
        for n in range(60):
            tasks.append(workers[n % 2].start(note, {"file": str(journal), "n": n}))
            if n % 10 == 5:
                # Whatever is under way at this moment, in either direction, is cut off.
                await tasks[n - 5].done
                session.cut()
                tasks.append(workers[0].start(note, {"file": str(journal), "n": 1000 + n}))
                await session.resume()
        results = await asyncio.gather(*(task.done for task in tasks))
        assert all(len(task.exits) == 1 for task in tasks)
    assert sorted(int(line) for line in journal.read_text().split()) == sorted(results)
    assert len(results) == 66


@asynchronously
async def test_a_child_that_is_killed_loses_its_worker_alone(server: Server) -> None:
    async with server.session() as session:
        doomed, other = await asyncio.gather(session.opened(), session.opened())
        task = doomed.start(ENDLESS)
        await task.next()
        assert doomed.place
        os.kill(doomed.place["pid"], signal.SIGKILL)
        with pytest.raises(Lost) as lost:
            await task.done
        assert (lost.value.code, "SIGKILL" in str(lost.value)) == ("worker-died", True)
        assert await other.run("1") == 1
        assert await (await session.opened()).run("2") == 2


@asynchronously
async def test_a_task_that_ends_its_process_is_lost(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        with pytest.raises(Lost, match="status 3"):
            await worker.run("import os; os._exit(3)")


@asynchronously
async def test_a_node_that_is_killed_loses_its_workers_alone(cluster: Cluster, server: Server) -> None:
    async with server.session() as session:
        await session.engine_is("up", nodes=3)
        extra = cluster.add_node(cpus=2)
        await session.engine_is("up", nodes=4)
        workers = await asyncio.gather(*(session.opened() for _ in range(6)))
        below = extra.all_pids()
        doomed = [worker for worker in workers if worker.place and worker.place["pid"] in below]
        others = [worker for worker in workers if worker not in doomed]
        assert doomed
        tasks = [worker.start(ENDLESS) for worker in doomed]
        for task in tasks:
            await task.next()
        extra.kill_with_children()
        assert {(await worker.lost)["code"] for worker in doomed} == {"node-lost"}
        assert await asyncio.gather(*(worker.run("1") for worker in others)) == [1] * len(others)
        await session.engine_is("up", nodes=3)


@asynchronously
async def test_a_bridge_that_is_killed_comes_back(server: Server) -> None:
    async with server.session() as session:
        worker = await session.opened()
        task = worker.start(ENDLESS)
        await task.next()
        Running(server.bridge()).kill()
        with pytest.raises(Lost) as lost:
            await task.done
        assert lost.value.code == "bridge-lost"
        assert worker.place
        await is_gone(worker.place["pid"])
        # It waits for the new one.
        assert await (await session.opened()).run("'again'") == "again"


@asynchronously
async def test_a_server_that_is_killed_takes_its_workers_along(cluster: Cluster, tmp_path: Path) -> None:
    engine = f"ray://{cluster.address}"
    server = Server(tmp_path, engine, cluster.environment)
    session = server.session()
    await session.__aenter__()
    worker = await session.opened()
    await worker.start(ENDLESS).next()
    server.process.end(signal.SIGKILL)
    await session.closed
    assert worker.place
    await is_gone(worker.place["pid"])
    again = Server(tmp_path, engine, cluster.environment, port=server.port, token=server.token)
    try:
        with pytest.raises(Closed) as closed:
            await session.resume()
        assert (closed.value.code, closed.value.failure and closed.value.failure["code"]) == (4404, "session-gone")
        async with again.session() as anew:
            assert await (await anew.opened()).run("1") == 1
    finally:
        again.end()


async def is_gone(pid: int) -> None:
    """Waits for the end of a process that is nobody's child here."""
    while is_alive(pid):
        await asyncio.sleep(0.02)


@asynchronously
async def test_an_engine_that_is_not_there_is_said_in_time(tmp_path: Path) -> None:
    port = free_port()
    server = Server(tmp_path, f"ray://127.0.0.1:{port}")
    try:
        async with server.session() as session:
            engine = await session.engine_is("down")
            assert engine["error"]["code"] == "engine-down"
            assert f"nothing answers at `127.0.0.1:{port}`" in engine["error"]["message"]
            assert "ray start" in engine["error"]["hint"]
            assert (await session.open().lost)["code"] == "engine-down"
    finally:
        server.end()


@asynchronously
async def test_a_python_that_lacks_ray_is_said_with_the_command_that_mends_it(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    server = Server(tmp_path, "ray://auto", python=python)
    try:
        async with server.session() as session:
            error = (await session.engine_is("down"))["error"]
        assert error["code"] == "engine-down"
        assert f"`{python}` has no Ray" in error["message"]
        assert f"{python} -m pip install ray==" in error["hint"]
        # Whoever has no page yet reads it at the terminal.
        log = server.log.read_text()
        assert error["message"] in log
        assert error["hint"] in log
    finally:
        server.end()


@asynchronously
async def test_what_answers_and_is_no_ray_is_said_in_time(tmp_path: Path) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    stranger = await asyncio.start_server(hang_up, "127.0.0.1")
    port = stranger.sockets[0].getsockname()[1]
    server = Server(tmp_path, f"ray://127.0.0.1:{port}")
    try:
        async with server.session() as session:
            error = (await session.engine_is("down"))["error"]
            assert error["code"] == "engine-down"
            assert error["message"] == f"what answers at `127.0.0.1:{port}` is no Ray"
            assert "6379" in error["hint"]
    finally:
        server.end()
        stranger.close()


@asynchronously
async def test_a_wrong_token_of_the_engine_is_said(cluster: Cluster, tmp_path: Path) -> None:
    server = Server(tmp_path, f"ray://{cluster.address}", {**cluster.environment, "RAY_AUTH_TOKEN": "another"})
    try:
        async with server.session() as session:
            error = (await session.engine_is("down"))["error"]
            assert error["code"] == "engine-down"
            assert "RAY_AUTH_TOKEN" in error["message"] + error["hint"]
    finally:
        server.end()


class OtherCluster(Cluster):
    """Ray's head, which announces itself to the others as one of another version."""

    version = "2.59.9"
    ray = ("-c", f"import ray; ray.__version__ = '{version}'; from ray.scripts.scripts import main; main()")


@asynchronously
async def test_a_cluster_of_another_version_is_said_with_what_to_do(tmp_path: Path) -> None:
    cluster = OtherCluster()
    server = Server(tmp_path, f"ray://{cluster.address}", cluster.environment)
    try:
        async with server.session() as session:
            error = (await session.engine_is("down"))["error"]
            assert error["code"] == "engine-mismatch"
            python = platform.python_version()
            assert f"has Ray {OtherCluster.version} on Python {python}, and" in error["message"]
            assert f"has Ray {metadata.version('ray')} on Python {python}" in error["message"]
            assert f"uv venv --python {python} " in error["hint"]
            assert f" ray=={OtherCluster.version} " in error["hint"]
            assert (await session.open().lost)["code"] == "engine-mismatch"
    finally:
        server.end()
        cluster.end()


@asynchronously
async def test_a_ray_of_its_own_comes_and_goes_with_the_server(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # Ray's sockets are in it, and have short names at most.
    folder = Path(tempfile.mkdtemp(prefix="mhr-"))
    server = Server(tmp_path, "ray://auto", {**environment, "TMPDIR": str(folder)})
    async with server.session() as session:
        assert (await session.engine_is("up"))["nodes"] == 1
        worker = await session.opened()
        names = await worker.run("import socket\n[name for _, name in socket.if_nameindex()]")
        assert names == ["lo"]
        missing = session.open(environment={"python": ["no-such-package"]})
        assert "--engine-package" in (await missing.lost)["hint"]
        assert await (await session.opened(environment={"python": ["numpy"]})).run("import numpy\nnumpy.ones(2).sum()") == 2
        everything = server.process.all_pids()
    server.end()
    assert not [pid for pid in everything if is_alive(pid)]
    # Nothing of it is left.
    folder.rmdir()


def test_a_ray_that_still_starts_goes_with_the_server(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    folder = Path(tempfile.mkdtemp(prefix="mhr-"))
    server = Server(tmp_path, "ray://auto", {**environment, "TMPDIR": str(folder)})
    # Ray has begun to write, and its driver does not read yet what it is told.
    wait_until(lambda: any(folder.glob("mh-ray-*/session_*")))
    everything = server.process.all_pids()
    server.end()
    wait_until(lambda: not [pid for pid in everything if is_alive(pid)])
    folder.rmdir()


def doctor(cluster: Cluster, address: str, folder: Path) -> tuple[int, str]:
    """How `millhand doctor` ends, and what it prints."""
    command = [os.environ["MILLHAND_BIN"], "doctor", f"--engine=ray://{address}", f"--python={sys.executable}"]
    done = subprocess.run(
        [*command, f"--cache-dir={folder}"], env=cluster.environment, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_doctor_finds_a_sound_chain_and_a_broken_one(cluster: Cluster, tmp_path: Path) -> None:
    status, said = doctor(cluster, cluster.address, tmp_path)
    assert status == 0, said
    for subject in ("cache", "python", "ray", "engine", "worker"):
        assert f"ok    {subject}" in said, said
    status, said = doctor(cluster, f"127.0.0.1:{free_port()}", tmp_path)
    assert status == 1
    assert "BAD   engine" in said, said
    assert "ray start --head" in said, said


def test_sessions_of_clients_that_are_gone_leave_nothing(server: Server) -> None:
    async def leave() -> list[int]:
        async with server.session() as session:
            workers = await asyncio.gather(*(session.opened() for _ in range(2)))
            return [worker.place["pid"] for worker in workers if worker.place]

    async def test() -> None:
        for pid in await leave():
            await is_gone(pid)

    asyncio.run(asyncio.wait_for(test(), 60))
