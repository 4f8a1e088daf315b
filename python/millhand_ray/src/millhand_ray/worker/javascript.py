"""The module `js` of remote workers: the pool's globals, under the name that Pyodide has for the global scope."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class JavaScriptScope(ModuleType):
    """Has what a pool's `globals` are, as far as they are values."""

    def __init__(self, globals_: list[dict[str, Any]]) -> None:
        super().__init__("js", "The pool's globals.")
        self._functions = {record["name"] for record in globals_ if "source" in record}
        for record in globals_:
            if "source" not in record:
                setattr(self, record["name"], record.get("value"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._functions:
            raise AttributeError(
                f"`{name}` is a JavaScript function, which a remote Python worker cannot call: write it in Python, or run the "
                "task with `target: 'local'`"
            )
        raise AttributeError(
            f"`js` has no `{name}` in a remote Python worker: there is no browser, and only the pool's `globals` are here"
        )


def install(globals_: list[dict[str, Any]]) -> None:
    """Makes `import js` find them."""
    sys.modules["js"] = JavaScriptScope(globals_)
