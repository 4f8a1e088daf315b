"""A look at the engine: joined or started, one worker placed on it, and all of it ended again."""

from __future__ import annotations

import asyncio
from typing import Any

from .engine import Engine
from .failures import Failure
from .slot import Slot

PLACED_WITHIN_S = 30.0


async def look(engine: Engine) -> dict[str, Any]:
    """What is found: the engine's state, and where the worker was, or a `failure`."""
    report = engine.state()
    outcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def on_state(state: str, at: dict[str, Any] | None) -> None:
        if state == "placed" and at and not outcome.done():
            outcome.set_result({"worker": f"{at['runtime']}, on `{at['host']}`"})

    def on_lost(failure: Failure) -> None:
        if not outcome.done():
            outcome.set_result({"failure": failure})

    slot = Slot({}, engine.packages, on_state, lambda _payload: None, on_lost)
    try:
        report.update(await asyncio.wait_for(outcome, PLACED_WITHIN_S))
    except asyncio.TimeoutError:
        message = f"no worker was placed within {PLACED_WITHIN_S:.0f} seconds: all processors are taken, or there are none yet"
        report["failure"] = {"code": "engine-down", "message": message, "hint": "see `ray status` on the head node"}
    finally:
        slot.close()
    return report
