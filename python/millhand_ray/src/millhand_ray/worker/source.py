"""A task's source: compiled once, run with a namespace of its own, and the value of its last expression."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from dataclasses import dataclass
from types import CodeType
from typing import Any

from .errors import TASK_FILE

_RESULT = "__millhand_result__"


@dataclass(frozen=True)
class Source:
    """Compiled Python."""

    code: CodeType
    text: str

    @property
    def is_asynchronous(self) -> bool:
        """Whether there is an `await` at its top."""
        return bool(self.code.co_flags & inspect.CO_COROUTINE)

    def run(self, namespace: dict[str, Any]) -> Any:
        """Runs it; what it awaits is awaited by the coroutine that comes back if it is asynchronous."""
        self._show_in_tracebacks()
        if self.is_asynchronous:
            return self._run_asynchronously(namespace)
        exec(self.code, namespace)
        return namespace.get(_RESULT)

    async def _run_asynchronously(self, namespace: dict[str, Any]) -> Any:
        await eval(self.code, namespace)
        return namespace.get(_RESULT)

    def _show_in_tracebacks(self) -> None:
        linecache.cache[TASK_FILE] = (len(self.text), None, self.text.splitlines(keepends=True), TASK_FILE)


@functools.lru_cache(maxsize=256)
def compile_source(text: str) -> Source:
    """Raises `SyntaxError`."""
    tree = ast.parse(text, TASK_FILE)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and not text.rstrip().endswith(";"):
        target = ast.copy_location(ast.Name(_RESULT, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    code = compile(tree, TASK_FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return Source(code, text)
