"""A pool's end of the gateway's protocol: sessions, workers and tasks, over a real WebSocket."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from millhand_ray.worker.codec import NULL, decode_all, encode
from millhand_ray.worker.protocol import HostKind, Outcome, WorkerKind

HEADER = struct.Struct(">IQQ")
PATIENCE_S = 60
PYTHON_FUNCTION = 1
NO_ENVIRONMENT = {"modules": NULL, "python": NULL, "globals": [], "postInstallTasks": []}


class Lost(Exception):
    """The worker of a task is gone."""

    def __init__(self, failure: dict[str, Any]) -> None:
        super().__init__(failure["code"], failure["message"])
        self.code = failure["code"]
        self.failure = failure


class Closed(Exception):
    """The server closed the connection."""

    def __init__(self, code: int | None, failure: dict[str, Any] | None) -> None:
        super().__init__(code, failure)
        self.code = code
        self.failure = failure


class Task:
    """One run of a source, in one worker: Python, or a function of JavaScript."""

    def __init__(self, worker: Worker, number: int) -> None:
        self.worker = worker
        self.number = number
        self.exits: list[tuple[Outcome, Any]] = []
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.messages: asyncio.Queue[list[Any]] = asyncio.Queue()

    def abort(self) -> None:
        self.worker.send([HostKind.ABORT, self.number, None])

    async def next(self) -> list[Any]:
        return await asyncio.wait_for(self.messages.get(), PATIENCE_S)


class Worker:
    """A remote worker of a session."""

    def __init__(self, session: Session, number: int, runtime: str) -> None:
        self.session = session
        self.number = number
        self.runtime = runtime
        self._functions: dict[str, int] = {}
        self.states: list[str] = []
        self.place: dict[str, Any] | None = None
        self.tasks: dict[int, Task] = {}
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[dict[str, Any]] = loop.create_future()

    def send(self, *messages: list[Any]) -> None:
        self.session.send_payload(self.number, encode(list(messages)))

    def start(self, source: str, args: Any = None) -> Task:
        task = Task(self, next(self.session.task_numbers))
        self.tasks[task.number] = task
        if self.runtime == "python":
            self.send([HostKind.RUN, task.number, PYTHON_FUNCTION, {"source": source, "args": args}])
        else:
            self.send([HostKind.RUN, task.number, self._function(source), args])
        return task

    def _function(self, source: str) -> int:
        if source not in self._functions:
            self._functions[source] = len(self._functions) + 1
            self.send([HostKind.DEFINE, self._functions[source], {"call": "entryPoint", "from": {"source": source}}])
        return self._functions[source]

    async def run(self, source: str, args: Any = None) -> Any:
        return await asyncio.wait_for(self.start(source, args).done, PATIENCE_S)

    def close(self) -> None:
        self.session.send_order({"type": "close", "worker": self.number})

    def on_message(self, message: list[Any]) -> None:
        kind = message[0]
        if kind == WorkerKind.READY:
            self.ready.set_result(None)
        elif kind in (WorkerKind.LOG, WorkerKind.DATA, WorkerKind.POST_ERROR):
            self.tasks[message[1]].messages.put_nowait(message)
        elif kind == WorkerKind.EXIT:
            _, number, outcome, value, _took_us = message
            task = self.tasks[number]
            task.exits.append((Outcome(outcome), value))
            if not task.done.done():
                task.done.set_result(value) if outcome == Outcome.COMPLETED else task.done.set_exception(Failed(outcome, value))

    def on_lost(self, failure: dict[str, Any]) -> None:
        self.lost.set_result(failure)
        for future in [self.ready, *(task.done for task in self.tasks.values())]:
            if not future.done():
                future.set_exception(Lost(failure))
                future.exception()  # Not everybody waits for it.


class Failed(Exception):
    """A task that did not complete."""

    def __init__(self, outcome: Outcome, record: dict[str, Any]) -> None:
        super().__init__(outcome, record["message"])
        self.outcome = outcome
        self.record = record


class Session:
    """One pool. `connect` begins it, `cut` and `resume` are what a network does to it."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.task_numbers = itertools.count(1)
        self.workers: dict[int, Worker] = {}
        self.engine: dict[str, Any] = {}
        self.engine_changed = asyncio.Condition()
        self.welcome: dict[str, Any] = {}
        self.acknowledging = True
        self.received = 0
        self._sent = 0
        self._unacknowledged: list[tuple[int, Callable[[], str | bytes]]] = []
        self._outbox: asyncio.Queue[Callable[[], str | bytes]] = asyncio.Queue()
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.closed: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Session:
        self.welcome = await self._shake_hands({"type": "hello", "client": "test"})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket:
            await self._socket.close()
        self._stop()

    async def _shake_hands(self, first: dict[str, Any]) -> dict[str, Any]:
        self._socket = await connect(
            self.url,
            subprotocols=[Subprotocol("millhand.gateway.v1"), Subprotocol(f"millhand.token.{self.token}")],
            max_size=None,
            compression=None,
        )
        try:
            await self._socket.send(json.dumps(first))
            answer: dict[str, Any] = json.loads(await asyncio.wait_for(self._socket.recv(), PATIENCE_S))
        except ConnectionClosed as closed:
            raise Closed(closed.rcvd.code if closed.rcvd else None, None) from None
        if answer["type"] == "error":
            await self._socket.wait_closed()
            raise Closed(self._socket.close_code, answer["failure"])
        if answer["type"] == "resumed":
            self._on_ack(answer["received"])
            self._outbox = asyncio.Queue()
            for _, frame in self._unacknowledged:
                self._outbox.put_nowait(frame)
        self._tasks = [asyncio.ensure_future(self._read(self._socket)), asyncio.ensure_future(self._write(self._socket))]
        return answer

    def cut(self) -> None:
        """The network breaks: no word of farewell."""
        assert self._socket
        self._stop()
        self._socket.transport.abort()

    async def resume(self) -> None:
        await self._shake_hands({"type": "resume", "session": self.welcome["session"], "received": self.received})

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def engine_is(self, state: str, nodes: int | None = None) -> dict[str, Any]:
        async with self.engine_changed:
            await asyncio.wait_for(
                self.engine_changed.wait_for(
                    lambda: self.engine.get("state") == state and nodes in (None, self.engine.get("nodes"))
                ),
                PATIENCE_S,
            )
        return self.engine

    def open(self, runtime: str = "python", **wants: Any) -> Worker:
        worker = Worker(self, len(self.workers) + 1, runtime)
        self.workers[worker.number] = worker
        self.send_order({"type": "open", "worker": worker.number, "runtime": runtime, **wants})
        worker.send(
            [HostKind.INSTALL, f"w{worker.number}", NO_ENVIRONMENT, None],
        )
        if runtime == "python":
            worker.send([HostKind.DEFINE, PYTHON_FUNCTION, {"call": "python"}])
        return worker

    async def opened(self, runtime: str = "python", **wants: Any) -> Worker:
        worker = self.open(runtime, **wants)
        await asyncio.wait_for(asyncio.shield(worker.ready), PATIENCE_S)
        return worker

    def send_order(self, order: dict[str, Any]) -> None:
        self._send(lambda seq: json.dumps({**order, "seq": seq, "ack": self.received}))

    def send_payload(self, worker: int, payload: bytes) -> None:
        self._send(lambda seq: HEADER.pack(worker, seq, self.received) + payload)

    def _send(self, frame_of: Callable[[int], str | bytes]) -> None:
        self._sent += 1
        seq = self._sent

        def frame() -> str | bytes:
            return frame_of(seq)

        self._unacknowledged.append((seq, frame))
        self._outbox.put_nowait(frame)

    def acknowledge(self) -> None:
        ack = self.received
        self._outbox.put_nowait(lambda: json.dumps({"type": "ack", "ack": ack}))

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                await socket.send((await self._outbox.get())())
        except ConnectionClosed:
            pass

    async def _read(self, socket: ClientConnection) -> None:
        failure: dict[str, Any] | None = None
        try:
            unacknowledged = 0
            async for frame in socket:
                content = json.loads(frame) if isinstance(frame, str) else frame
                if isinstance(content, dict) and content["type"] == "error":
                    failure = content["failure"]
                    continue
                if await self._on_frame(content):
                    unacknowledged += 1
                if self.acknowledging and unacknowledged >= 16:
                    unacknowledged = 0
                    self.acknowledge()
        except ConnectionClosed:
            pass
        if not self.closed.done():
            self.closed.set_result(Closed(socket.close_code, failure))

    async def _on_frame(self, content: dict[str, Any] | bytes) -> bool:
        """Whether it was a new numbered one."""
        if isinstance(content, dict) and content["type"] == "ack":
            self._on_ack(content["ack"])
            return False
        worker, seq, ack = HEADER.unpack_from(content) if isinstance(content, bytes) else (0, content["seq"], content["ack"])
        self._on_ack(ack)
        if seq <= self.received:
            return False
        assert seq == self.received + 1, f"frame {seq} after {self.received}"
        self.received = seq
        if isinstance(content, bytes):
            for batch in decode_all(content[HEADER.size :]):
                for message in batch:
                    self.workers[worker].on_message(message)
        else:
            await self._on_news(content)
        return True

    def _on_ack(self, ack: int) -> None:
        self._unacknowledged = [kept for kept in self._unacknowledged if kept[0] > ack]

    async def _on_news(self, news: dict[str, Any]) -> None:
        if news["type"] == "engine":
            async with self.engine_changed:
                self.engine = news
                self.engine_changed.notify_all()
        elif news["type"] == "worker":
            worker = self.workers[news["worker"]]
            worker.states.append(news["state"])
            worker.place = news.get("at")
        else:
            self.workers[news["worker"]].on_lost(news["failure"])
