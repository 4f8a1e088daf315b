"""Asynchronous tests."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

WITHIN_S = 240
"""Ray copies a whole environment before it adds a package, which takes a busy machine more than a minute."""


def asynchronously(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test to its end, within bounds."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), WITHIN_S))

    return run
