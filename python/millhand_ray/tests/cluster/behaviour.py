"""What remote workers do alike, whatever they run: the tests of each runtime give the sources."""

from __future__ import annotations

import asyncio

from millhand_ray.worker.protocol import HostKind, WorkerKind

from .client import Session, Worker


async def settles_each_task_once(workers: list[Worker], doubling: str) -> None:
    """`doubling` gives twice its argument `n`."""
    tasks = [worker.start(doubling, {"n": n}) for n in range(250) for worker in workers]
    results = await asyncio.gather(*(task.done for task in tasks))
    assert results == [n * 2 for n in range(250) for _ in workers]
    assert all(len(task.exits) == 1 for task in tasks)


async def speaks_while_it_runs(worker: Worker, talk: str) -> None:
    """`talk` sends a step, waits for data, prints it, three times, and gives `end`."""
    task = worker.start(talk)
    for step in range(3):
        assert await task.next() == [WorkerKind.DATA, task.number, {"step": step}]
        # It goes on only when it has this: so what it sent came before its end.
        worker.send([HostKind.DATA, task.number, f"go on {step}"])
        assert (await task.next())[:3] == [WorkerKind.LOG, task.number, f"go on {step}"]
    assert await task.done == "end"


async def waits_until_it_is_heard(session: Session, quiet: Worker, flood: str, undisturbed: Worker, echo: str) -> None:
    """`flood` sends a hundred times a mebibyte, and gives `end`; `echo` gives its argument `n`, in another session."""
    session.acknowledging = False
    task = quiet.start(flood)
    for _ in range(25):
        await task.next()
    for number in range(200):
        assert await undisturbed.run(echo, {"n": number}) == number
    # The window, and what was on its way.
    assert task.messages.qsize() + 25 <= 40
    assert not task.done.done()
    session.acknowledging = True
    session.acknowledge()
    assert await asyncio.wait_for(task.done, 60) == "end"
    assert task.messages.qsize() == 75
