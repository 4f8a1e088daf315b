"""A worker process that runs Python."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millhand_ray.worker.protocol import HostKind, Outcome, WorkerKind

from .worker_process import WorkerProcess, installed

REPOSITORY = Path(__file__).parents[3]


class Worker(WorkerProcess):
    """A worker that is installed and has the function 1, which is Python."""

    def __init__(self, **setup: Any) -> None:
        super().__init__("-m", "millhand_ray.worker", str(os.getpid()), compiles=False, **setup)
        self.send([HostKind.DEFINE, 1, {"call": "python"}])

    def start(self, task: int, source: str, args: Any = None) -> None:
        self.send([HostKind.RUN, task, 1, {"source": source, "args": args}])

    def run(self, source: str, args: Any = None) -> tuple[Outcome, Any]:
        """Outcome and value."""
        self.start(7, source, args)
        return self.end_of(7)


@pytest.fixture
def worker() -> Iterator[Worker]:
    yield from installed(Worker())


def test_the_last_expression_is_the_result(worker: Worker) -> None:
    assert worker.run("x = args['a'] + 1\nx * 2", {"a": 2}) == (Outcome.COMPLETED, 6)
    assert worker.run("x = 1") == (Outcome.COMPLETED, None)
    assert worker.run("") == (Outcome.COMPLETED, None)
    assert worker.run("'x' in globals()") == (Outcome.COMPLETED, False)


def test_tasks_that_wait_here_are_given_back_and_the_first_is_not(worker: Worker) -> None:
    worker.start(1, "context.info('runs')\nimport asyncio\ngot = asyncio.Future()\ncontext.onData = got.set_result\nawait got")
    worker.until(WorkerKind.LOG)
    worker.start(2, "2")
    worker.start(3, "3")
    worker.send(*([HostKind.WITHDRAW, task] for task in (1, 2, 9)))
    assert worker.next() == [WorkerKind.RETURNED, 2]
    worker.send([HostKind.DATA, 1, "on"])
    assert worker.end_of(1) == (Outcome.COMPLETED, "on")
    assert worker.end_of(3) == (Outcome.COMPLETED, 3)


def test_await_is_allowed_at_the_top(worker: Worker) -> None:
    assert worker.run("import asyncio\nawait asyncio.sleep(0)\nawait asyncio.sleep(0, 5)") == (Outcome.COMPLETED, 5)


def test_an_exception_keeps_its_type_and_a_traceback_of_the_source_alone(worker: Worker) -> None:
    outcome, record = worker.run("def f():\n    raise ValueError('no')\n\nf()")
    assert outcome == Outcome.THREW
    assert record["name"] == "PythonError"
    assert record["python"]["type"] == record["properties"]["type"] == "ValueError"
    assert record["message"].splitlines() == [
        "Traceback (most recent call last):",
        '  File "<task>", line 4, in <module>',
        "    f()",
        '  File "<task>", line 2, in f',
        "    raise ValueError('no')",
        "ValueError: no",
    ]


def test_a_source_that_does_not_compile_and_a_missing_package_are_said(worker: Worker) -> None:
    outcome, record = worker.run("x =")
    assert (outcome, record["python"]["type"]) == (Outcome.THREW, "SyntaxError")
    outcome, record = worker.run("import no_such_package")
    assert (outcome, record["python"]["type"]) == (Outcome.THREW, "ModuleNotFoundError")
    assert worker.run("raise SystemExit(3)")[0] == Outcome.THREW


def test_a_result_without_a_javascript_form_is_named(worker: Worker) -> None:
    outcome, record = worker.run("open")
    assert outcome == Outcome.UNCLONABLE
    assert record["message"].startswith("a Python `builtin_function_or_method` has no JavaScript form")
    outcome, record = worker.run("bytes(33 * 1024 * 1024)")
    assert outcome == Outcome.UNCLONABLE
    assert "larger than a remote worker can send" in record["message"]


def test_what_is_printed_and_sent_comes_while_the_task_runs(worker: Worker) -> None:
    worker.start(
        7,
        "print('one\\ntwo')\ncontext.info('text', {'a': 1})\ncontext.progress(0.5)\ncontext.sendData([1])\n"
        "context.sendData(open)\nimport os; os.write(1, b'not a frame')\nprint('rest', end='')\n"
        "import threading\ngo = threading.Event()\ncontext.onData = lambda data: go.set()\ngo.wait(20)",
    )
    assert [worker.next() for _ in range(5)] == [
        [WorkerKind.LOG, 7, "one", None],
        [WorkerKind.LOG, 7, "two", None],
        [WorkerKind.LOG, 7, "text", {"a": 1}],
        [WorkerKind.LOG, 7, "", {"progress": 0.5}],
        [WorkerKind.DATA, 7, [1]],
    ]
    assert worker.next()[:2] == [WorkerKind.POST_ERROR, 7]
    # It waits for this: so all that was before it came while it ran.
    worker.send([HostKind.DATA, 7, "go"])
    assert worker.next() == [WorkerKind.LOG, 7, "rest", None]
    assert worker.end_of(7) == (Outcome.COMPLETED, True)


def test_data_reaches_a_task_that_awaits_on_its_loop(worker: Worker) -> None:
    worker.start(7, "import asyncio\ncame = asyncio.Future()\ncontext.onData = came.set_result\nawait came")
    worker.send([HostKind.DATA, 7, {"a": 1}])
    assert worker.end_of(7) == (Outcome.COMPLETED, {"a": 1})


@pytest.mark.parametrize(
    "source",
    [
        "context.info('runs')\nwhile True: pass",
        "context.info('runs')\nimport time\ntime.sleep(1000)",
        "context.info('runs')\nwhile True: context.info('x')",
        "import asyncio\ncontext.info('runs')\nawait asyncio.sleep(1000)",
        "import asyncio\nawait asyncio.sleep(0)\ncontext.info('runs')\nwhile True: pass",
    ],
)
def test_an_endless_task_is_interrupted_and_the_worker_goes_on(worker: Worker, source: str) -> None:
    for task in (7, 8, 9):
        worker.start(task, source)
        assert worker.next()[0] == WorkerKind.LOG
        worker.send([HostKind.ABORT, task, None])
        outcome, record = worker.end_of(task)
        assert outcome == Outcome.THREW
        assert record["python"]["type"] in ("KeyboardInterrupt", "CancelledError")
    assert worker.run("1 + 1") == (Outcome.COMPLETED, 2)


def test_a_task_that_waits_behind_another_is_aborted_too(worker: Worker) -> None:
    worker.start(
        7, "context.onData = lambda data: None\nimport time\nwhile not context.signal.aborted: time.sleep(0.001)\n'saw it'"
    )
    worker.start(8, "'ran'")
    worker.send([HostKind.ABORT, 8, None], [HostKind.ABORT, 7, None])
    first, second = worker.until(WorkerKind.EXIT), worker.until(WorkerKind.EXIT)
    assert (first[1], second[1], second[2]) == (7, 8, Outcome.THREW)


def test_globals_are_in_the_module_js() -> None:
    worker = Worker(globals=[{"name": "scale", "value": 3}, {"name": "twice", "source": "(x) => 2 * x"}])
    assert worker.run("from js import scale\nscale") == (Outcome.COMPLETED, 3)
    outcome, record = worker.run("import js\njs.twice(1)")
    assert outcome == Outcome.THREW
    assert "`twice` is a JavaScript function" in record["message"]
    assert "there is no browser" in worker.run("import js\njs.document")[1]["message"]
    worker.end()


def test_post_install_tasks_and_javascript_are_refused() -> None:
    worker = Worker(postInstallTasks=[{"title": "t", "source": "() => 1", "args": None}])
    assert worker.until(WorkerKind.INSTALL_FAILED)[2] is True
    worker.send([HostKind.DEFINE, 2, {"call": "entryPoint", "from": {"source": "() => 1"}}], [HostKind.RUN, 7, 2, None])
    assert "a remote Python worker runs Python only" in worker.until(WorkerKind.EXIT)[3]["message"]
    worker.end()


def test_a_callback_that_fails_ends_the_worker(worker: Worker) -> None:
    worker.start(7, "context.onData = lambda data: 1 / 0\ncontext.info('ready')\nimport time\ntime.sleep(1000)")
    worker.next()
    worker.send([HostKind.DATA, 7, 1])
    assert worker.ends_with() == 70


def test_the_protocols_numbers_are_those_of_the_page() -> None:
    text = (REPOSITORY / "js/src/wire/protocol.ts").read_text()
    for name, numbers in (("HostKind", HostKind), ("WorkerKind", WorkerKind), ("Outcome", Outcome)):
        body = re.search(rf"export const {name} = {{(.*?)}}", text, re.S)
        assert body
        theirs = {key.upper(): int(number) for key, number in re.findall(r"(\w+): (\d+)", body[1])}
        ours = {number.name.replace("_", ""): int(number) for number in numbers}
        # Some are of local workers alone.
        assert ours == {name: theirs.get(name) for name in ours}
