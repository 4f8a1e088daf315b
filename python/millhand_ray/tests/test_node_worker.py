"""A worker process that runs JavaScript: Node with the worker's script, as the npm package's build makes it."""

from __future__ import annotations

import os
import select
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millhand_ray import nodejs
from millhand_ray.failures import Refused
from millhand_ray.worker.codec import RemoteError, decode_all
from millhand_ray.worker.protocol import HostKind, Outcome, WorkerKind

from .worker_process import ENDS_WITHIN_S, WorkerProcess, frame, installed

SCRIPT = Path(__file__).parents[3] / "js/dist/engine/node-worker.mjs"
START = ("-m", "millhand_ray.worker.nodejs")
ENDLESS = "({ context }) => { context.info('runs'); for (;;); }"


class Worker(WorkerProcess):
    """One that is installed."""

    def __init__(self, *start: str, **setup: Any) -> None:
        assert SCRIPT.is_file(), "run `cargo xtask build` first"
        node = shutil.which("node")
        assert node
        super().__init__(*(start or (*START, str(os.getpid()))), node, str(SCRIPT), compiles=True, **setup)
        self._functions: dict[tuple[str, str], int] = {}

    def start(self, task: int, source: str, args: Any = None, call: str = "entryPoint") -> None:
        function = self._functions.get((call, source))
        if function is None:
            function = self._functions[call, source] = len(self._functions) + 1
            self.send([HostKind.DEFINE, function, {"call": call, "from": {"source": source}}])
        self.send([HostKind.RUN, task, function, args])

    def run(self, source: str, args: Any = None, call: str = "entryPoint") -> tuple[Outcome, Any]:
        """Outcome and value."""
        self.start(7, source, args, call)
        return self.end_of(7)


@pytest.fixture
def worker() -> Iterator[Worker]:
    yield from installed(Worker())


def test_functions_run_with_their_arguments_and_give_results(worker: Worker) -> None:
    assert worker.run("({ args }) => args.n + 1", {"n": 1}) == (Outcome.COMPLETED, 2)
    assert worker.run("async ({ args }) => ({ got: [...args.set, null, undefined] })", {"set": {1}}) == (
        Outcome.COMPLETED,
        {"got": [1, None, None]},
    )
    assert worker.run("(item, index) => item * index", {"items": [5, 6], "first": 2}, "each") == (Outcome.COMPLETED, [10, 18])
    assert worker.run("(a, b) => a + b", [1, 2], "spread") == (Outcome.COMPLETED, 3)
    outcome, floats = worker.run("() => new Float64Array([0.5, -1])")
    assert (outcome, list(floats)) == (Outcome.COMPLETED, [0.5, -1])
    outcome, error = worker.run("() => new RangeError('a value')")
    assert outcome == Outcome.COMPLETED
    assert isinstance(error, RemoteError)
    assert error.record["name"] == "RangeError"


def test_frames_are_read_however_they_come(worker: Worker) -> None:
    source = "({ args }) => args.length"
    assert worker.run(source, bytes(8 * 1024 * 1024)) == (Outcome.COMPLETED, 8 * 1024 * 1024)
    several = b"".join(frame([HostKind.RUN, task, 1, bytes(task)]) for task in (1, 2, 3))
    for byte in several:
        worker.write(bytes([byte]))
    worker.write(several)
    assert [worker.end_of(task)[1] for task in (1, 2, 3, 1, 2, 3)] == [1, 2, 3, 1, 2, 3]


def test_what_is_sent_and_printed_comes_while_the_task_runs(worker: Worker) -> None:
    worker.start(
        7,
        """({ context }) => new Promise(async (resolve) => {
             const { writeSync } = await import('node:fs')
             context.onData = resolve
             context.info('text', { a: 1 })
             context.progress(0.5)
             console.log('one\\ntwo %d', 2)
             console.error('three')
             writeSync(1, 'not a frame')
             context.sendData([1])
             context.sendData({ f: () => 1 })
             process.stdout.write('re')
             process.stdout.write(Buffer.from('st'))
           })""",
    )
    assert [worker.next() for _ in range(6)] == [
        [WorkerKind.LOG, 7, "text", {"a": 1}],
        [WorkerKind.LOG, 7, "", {"progress": 0.5}],
        [WorkerKind.LOG, 7, "one", None],
        [WorkerKind.LOG, 7, "two 2", None],
        [WorkerKind.LOG, 7, "three", None],
        [WorkerKind.DATA, 7, [1]],
    ]
    kind, task, record = worker.next()
    assert (kind, task, record["name"]) == (WorkerKind.POST_ERROR, 7, "DataCloneError")
    assert record["message"] == "`value.f` is a function, and cannot be sent to another machine"
    # It waits for this: so all that was before it came while it ran.
    worker.send([HostKind.DATA, 7, "go on"])
    assert worker.next() == [WorkerKind.LOG, 7, "rest", None]
    assert worker.end_of(7) == (Outcome.COMPLETED, "go on")


def test_an_error_keeps_its_stack_its_cause_and_what_can_be_sent_of_its_properties(worker: Worker) -> None:
    outcome, record = worker.run(
        """function fails() {
             const cyclic = {}
             cyclic.self = cyclic
             throw Object.assign(new RangeError('no', { cause: new Error('why') }), { code: 'E7', at: { line: 3 }, cyclic })
           }"""
    )
    assert outcome == Outcome.THREW
    assert (record["name"], record["message"], record["properties"]) == ("RangeError", "no", {"code": "E7", "at": {"line": 3}})
    assert record["cause"]["message"] == "why"
    assert "fails" in record["stack"]
    assert worker.run("() => { throw 5 }")[1]["cause"] == {"value": 5}
    assert worker.run("() => missing.name")[1]["name"] == "ReferenceError"
    assert worker.run("() =>")[1]["name"] == "SyntaxError"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("() => () => 1", "`value` is a function"),
        ("() => ({ blob: [new Blob(['x'])] })", "`value.blob.0` is a `Blob`"),
        ("() => new Uint8Array(33 * 1024 * 1024)", "larger than a remote worker can send"),
        ("() => 'x'.repeat(33 * 1024 * 1024)", "larger than a remote worker can send"),
    ],
)
def test_a_result_that_cannot_be_sent_is_said_and_the_worker_goes_on(worker: Worker, source: str, message: str) -> None:
    outcome, record = worker.run(source)
    assert outcome == Outcome.UNCLONABLE
    assert message in record["message"]
    assert worker.run("() => 1") == (Outcome.COMPLETED, 1)


def test_a_task_hears_that_it_is_aborted(worker: Worker) -> None:
    worker.start(
        7,
        """({ context }) => new Promise((resolve, reject) => {
             context.signal.addEventListener('abort', () => reject(context.signal.reason))
             context.info('waits')
           })""",
    )
    worker.until(WorkerKind.LOG)
    worker.send([HostKind.ABORT, 7, "enough"])
    outcome, record = worker.end_of(7)
    assert outcome == Outcome.THREW
    assert record["cause"] == {"value": "enough"}


def test_globals_are_there_and_post_install_tasks_run() -> None:
    worker = Worker(
        globals=[{"name": "scale", "value": 3}, {"name": "twice", "source": "(x) => 2 * x"}],
        postInstallTasks=[{"title": "set", "source": "({ workerScope, args }) => { workerScope.set = args }", "args": 4}],
    )
    worker.until(WorkerKind.READY)
    assert worker.run("() => [twice(scale), set]") == (Outcome.COMPLETED, [6, 4])
    worker.end()


def test_a_task_waits_in_what_it_sends_while_nobody_takes_it(worker: Worker, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    worker.start(
        7,
        """async ({ args, context }) => {
             const { writeFileSync } = await import('node:fs')
             writeFileSync(args.mark, 'begun')
             context.sendData(new Uint8Array(1024 * 1024))
             writeFileSync(args.mark, 'sent')
           }""",
        {"mark": str(mark)},
    )
    # Four bytes have come; a pipe holds much less than the rest.
    (length,) = struct.unpack(">I", os.read(worker.said.fileno(), 4))
    assert length > 1024 * 1024
    assert mark.read_text() == "begun"
    [[[kind, task, data]]] = decode_all(worker.said.read(length))
    assert (kind, task, len(data)) == (WorkerKind.DATA, 7, 1024 * 1024)
    assert worker.end_of(7) == (Outcome.COMPLETED, None)
    assert mark.read_text() == "sent"


def test_what_a_task_starts_has_no_part_in_the_conversation(worker: Worker) -> None:
    source = """async () => {
      const { execFileSync } = await import('node:child_process')
      return execFileSync('ls', ['-l', '/proc/self/fd'], { stdio: ['inherit', 'pipe', 'inherit'] }).toString()
    }"""
    outcome, listed = worker.run(source)
    assert outcome == Outcome.COMPLETED
    assert "0 -> /dev/null" in listed
    ours = [os.readlink(f"/proc/{worker.process.pid}/fd/{number}") for number in (3, 4)]
    assert not any(name in listed for name in ours)


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("() => process.exit(3)", 3),
        ("() => { setTimeout(() => { throw new Error('uncaught') }); return new Promise(() => undefined) }", 1),
    ],
)
def test_a_process_that_ends_says_first_what_it_had(worker: Worker, source: str, status: int) -> None:
    worker.send(
        [HostKind.DEFINE, 1, {"call": "entryPoint", "from": {"source": source}}],
        [HostKind.RUN, 7, 1, None],
        [HostKind.RUN, 8, 1, None],
    )
    assert worker.until(WorkerKind.RETURNED) == [WorkerKind.RETURNED, 8]
    assert worker.ends_with() == status


def test_it_ends_with_its_input() -> None:
    worker = Worker()
    worker.until(WorkerKind.READY)
    worker.end()


def test_it_ends_with_whoever_started_it_even_in_an_endless_loop() -> None:
    launcher = f"import os, subprocess, sys; subprocess.run([sys.executable, *{START!r}, str(os.getpid()), *sys.argv[1:]])"
    worker = Worker("-c", launcher)
    worker.start(7, ENDLESS)
    worker.until(WorkerKind.LOG)
    worker.process.kill()
    # The end of what it says, which is open as long as it lives.
    assert select.select([worker.said], [], [], ENDS_WITHIN_S)[0]
    assert worker.said.read() == b""


def test_the_node_that_is_found_is_recent_enough_or_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nodejs, "WORKER_SCRIPT", SCRIPT)
    monkeypatch.delenv(nodejs.NAME_VARIABLE, raising=False)
    assert int(nodejs.find().version.split(".")[0]) >= 20
    for answer, problem in (("v18.19.0", "is Node 18.19.0"), ("hello", "is no Node")):
        program = tmp_path / answer
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)
        monkeypatch.setenv(nodejs.NAME_VARIABLE, str(program))
        with pytest.raises(Refused, match=problem) as refused:
            nodejs.find()
        assert refused.value.failure["code"] == "runtime-unknown"
        assert "Node 20 or newer" in refused.value.failure["message"]
    monkeypatch.delenv(nodejs.NAME_VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="there is no `node` on") as missing:
        nodejs.find()
    assert "`MILLHAND_NODE`" in missing.value.failure["hint"]
