"""Frames between the bridge and its server: a length (`u32`), a kind (`u8`), and JSON or a payload (slot as `u32`, then bytes).

`crates/millhand-gateway/src/bridge/wire.rs` has the other end.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

JSON, PAYLOAD = 0, 1


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes] | None:
    """The next frame; nothing at the end of the input."""
    try:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        content = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    return content[0], content[1:]


def json_frame(news: dict[str, Any]) -> bytes:
    """News as a frame."""
    content = json.dumps(news).encode()
    return struct.pack(">IB", len(content) + 1, JSON) + content


def payload_head(slot: int, payload: bytes) -> bytes:
    """What comes before a payload."""
    return struct.pack(">IBI", len(payload) + 5, PAYLOAD, slot)
