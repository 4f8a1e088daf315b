"""The bridge: orders of the server come in on standard input, news and payloads go out where standard output was.

When the input ends, so does the bridge, with all that it has.
"""

from __future__ import annotations

import asyncio
import json
import struct
from functools import partial
from typing import Any

from .engine import Engine
from .failures import Failure
from .slot import Slot
from .wire import PAYLOAD, json_frame, payload_head, read_frame

LOOK_S = 1.0
"""How often slots' pulses and the cluster's size are looked at."""


class Bridge:
    """All workers of a server."""

    def __init__(self, engine: Engine, writer: asyncio.StreamWriter) -> None:
        self._engine = engine
        self._writer = writer
        self._slots: dict[int, Slot] = {}
        self._told: dict[str, Any] | None = None

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the input ends."""
        looking = asyncio.ensure_future(self._look())
        try:
            while (frame := await read_frame(reader)) is not None:
                kind, content = frame
                if kind == PAYLOAD:
                    self._on_payload(content)
                else:
                    self._on_order(json.loads(content))
        finally:
            looking.cancel()
            for slot in self._slots.values():
                slot.close()

    def _on_payload(self, content: bytes) -> None:
        (number,) = struct.unpack_from(">I", content)
        if slot := self._slots.get(number):
            slot.post(content[4:])

    def _on_order(self, order: dict[str, Any]) -> None:
        number = order["slot"]
        slot = self._slots.get(number)
        match order["type"]:
            case "open":
                self._slots[number] = Slot(
                    order,
                    self._engine.packages,
                    partial(self._on_state, number),
                    partial(self._on_said, number),
                    partial(self._on_lost, number),
                )
            case "close" if slot:
                del self._slots[number]
                slot.close()
            case "credit" if slot:
                slot.credit(order["bytes"])

    def _on_state(self, number: int, state: str, at: dict[str, Any] | None) -> None:
        self._tell({"type": "worker", "slot": number, "state": state, "at": at})

    def _on_said(self, number: int, payload: bytes) -> None:
        self._writer.write(payload_head(number, payload))
        self._writer.write(payload)

    def _on_lost(self, number: int, failure: Failure) -> None:
        if self._slots.pop(number, None):
            self._tell({"type": "lost", "slot": number, "failure": failure})

    async def _look(self) -> None:
        while True:
            state = await asyncio.to_thread(self._engine.state)
            if state != self._told:
                self._told = state
                self._tell({"type": "engine", **state})
            for slot in list(self._slots.values()):
                slot.check_pulse()
            await asyncio.sleep(LOOK_S)

    def _tell(self, news: dict[str, Any]) -> None:
        self._writer.write(json_frame(news))
