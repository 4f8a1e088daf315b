"""A remote worker as the bridge has it: one actor, one endless stream from it, and batches to it."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable
from typing import Any

import ray
from ray import exceptions

from . import failures
from .actor import MAX_BACKLOG_BYTES, WorkerActor
from .engine import PackageSource
from .failures import Failure
from .requirements import options_of

log = logging.getLogger("millhand_ray")

BEAT_S = 1.0
LOST_AFTER_S = 10.0
"""An actor that is silent for as long is lost: its node may hang."""
POSTS_UNDER_WAY = 2
"""More wait, and go together: so batches grow with the load."""

RemoteActor = ray.remote(WorkerActor)


class Slot:
    """Tells of its worker by `on_state`, `on_payload` and, as the last, `on_lost`."""

    def __init__(
        self,
        order: dict[str, Any],
        packages: PackageSource,
        on_state: Callable[[str, dict[str, Any] | None], None],
        on_payload: Callable[[bytes], None],
        on_lost: Callable[[Failure], None],
    ) -> None:
        self._order = order
        self._packages = packages
        self._on_state, self._on_payload, self._on_lost = on_state, on_payload, on_lost
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._posting: set[asyncio.Future[None]] = set()
        self._post_count = 0
        self._heard_at: float | None = None
        self._actor: Any = None
        self._driving = asyncio.ensure_future(self._drive())

    def post(self, payload: bytes) -> None:
        """Messages for the worker."""
        self._outbox.append(struct.pack(">I", len(payload)))
        self._outbox.append(payload)
        self._outbox_bytes += len(payload)
        if self._outbox_bytes > MAX_BACKLOG_BYTES:
            self._give_up(failures.overrun(f"{self._outbox_bytes:,} bytes wait for a worker"))
        else:
            self._flush()

    def credit(self, count_bytes: int) -> None:
        """So much of what the worker said has arrived."""
        if self._actor is not None:
            self._actor.credit.remote(count_bytes)

    def close(self) -> None:
        """Ends the worker, whatever it does. It tells nothing more."""
        self._on_lost = _nobody
        self._driving.cancel()

    def check_pulse(self) -> None:
        """Gives up a worker that has been silent for too long."""
        if self._heard_at is not None and time.monotonic() - self._heard_at > LOST_AFTER_S:
            self._give_up(failures.node_lost(f"its actor has been silent for {LOST_AFTER_S:.0f} seconds"))

    def _give_up(self, failure: Failure) -> None:
        self._on_lost(failure)
        self.close()

    async def _drive(self) -> None:
        try:
            options = options_of(self._order, self._packages)
            self._on_state("waiting", None)
            self._actor = RemoteActor.options(**options).remote()
            failure = await self._follow()
        except failures.Refused as refused:
            failure = refused.failure
        except exceptions.RuntimeEnvSetupError as error:
            failure = failures.environment(str(error))
        except exceptions.RayError as error:
            failure = (
                failures.environment(str(error)) if "RuntimeEnvSetupError" in str(error) else failures.node_lost(str(error))
            )
        except Exception as error:
            log.exception("a worker's stream failed")
            failure = failures.node_lost(f"{type(error).__name__}: {error}")
        finally:
            self._kill()
        self._on_lost(failure)

    async def _follow(self) -> Failure:
        runtime = self._order.get("runtime", "python")
        stream = self._actor.open.options(num_returns="streaming").remote(runtime, BEAT_S)
        self._flush()
        async for reference in stream:
            kind, what = await reference
            self._heard_at = time.monotonic()
            match kind:
                case "said":
                    self._on_payload(what)
                case "placed":
                    self._on_state("placed", what)
                case "refused":
                    refusal: Failure = what
                    return refusal
                case "overrun":
                    return failures.overrun(what)
                case "exited":
                    return failures.worker_died(what)
        return failures.node_lost("its stream ended")

    def _flush(self) -> None:
        if self._actor is None or not self._outbox or len(self._posting) >= POSTS_UNDER_WAY:
            return
        data = b"".join(self._outbox)
        self._outbox.clear()
        self._outbox_bytes = 0
        posting = asyncio.ensure_future(self._post(self._post_count, data))
        self._post_count += 1
        self._posting.add(posting)
        posting.add_done_callback(self._posting.discard)

    async def _post(self, number: int, data: bytes) -> None:
        try:
            await self._actor.post.remote(number, data)
        except exceptions.RayError:
            return  # The stream says why.
        asyncio.get_running_loop().call_soon(self._flush)

    def _kill(self) -> None:
        if self._actor is None:
            return
        try:
            ray.kill(self._actor)
        except Exception:
            log.debug("an actor was gone before it was killed", exc_info=True)


def _nobody(_failure: Failure) -> None:
    """Hears nothing."""
