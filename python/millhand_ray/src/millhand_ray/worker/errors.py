"""Exceptions as the records that the page makes errors of."""

from __future__ import annotations

import traceback
from typing import Any

from .codec import Unclonable

TASK_FILE = "<task>"
"""What tracebacks call a task's source."""


def record_of(error: BaseException) -> dict[str, Any]:
    """As Pyodide has it: the traceback is the message, and begins in the task's own source."""
    if isinstance(error, Unclonable):
        return _record("DataCloneError", str(error))
    text = "".join(traceback.format_exception(type(error), error, _from_task(error))).rstrip("\n")
    name = type(error).__name__
    return {
        **_record("PythonError", text),
        "properties": {"type": name},
        "python": {"type": name, "traceback": text},
    }


def _record(name: str, message: str) -> dict[str, Any]:
    return {"name": name, "message": message, "stack": "", "properties": {}}


def _from_task(error: BaseException) -> Any:
    """The traceback without the frames that are this package's own."""
    here = error.__traceback__
    while here is not None and here.tb_frame.f_code.co_filename != TASK_FILE:
        here = here.tb_next
    return here or error.__traceback__
