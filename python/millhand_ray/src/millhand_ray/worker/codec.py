"""Values as MessagePack, with the extension types of `PROTOCOL.md`: Python's as JavaScript has them, and back."""

from __future__ import annotations

import datetime
import re
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping, Set
from enum import IntEnum
from typing import Any

import msgpack

MAX_DEPTH = 100
MAX_EXACT = 2**53
"""JavaScript's numbers are exact below this."""


class Ext(IntEnum):
    """Extension types."""

    UNDEFINED = 0
    DATE = 1
    BIGINT = 2
    MAP = 3
    SET = 4
    ERROR = 5
    TYPED_ARRAY = 6
    REGEXP = 7


class Unclonable(TypeError):
    """A value that has no JavaScript form."""


class RemoteError(Exception):
    """An error of JavaScript, as a value. `record` is all that is known of it."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(f"{record.get('name', 'Error')}: {record.get('message', '')}")
        self.record = record


class Null:
    """`null`, where a message has that rather than `undefined`, which is what `None` becomes."""


NULL = Null()
_UNDEFINED = msgpack.ExtType(Ext.UNDEFINED, b"")
_BYTES_KIND = 2
# The kind on the wire, by the buffer's format and the size of an element.
_KINDS: dict[tuple[str, int], int] = {
    ("i", 1): 1,
    ("u", 1): _BYTES_KIND,
    ("i", 2): 4,
    ("u", 2): 5,
    ("i", 4): 6,
    ("u", 4): 7,
    ("f", 4): 8,
    ("f", 8): 9,
    ("i", 8): 10,
    ("u", 8): 11,
}
_FORMATS = {1: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "f", 9: "d", 10: "q", 11: "Q"}
_RAW_KINDS = (0, 12)
_NUMBER_CLASS = {**dict.fromkeys("bhilqn", "i"), **dict.fromkeys("BHILQN", "u"), **dict.fromkeys("fd", "f")}
_SWAPPED = ">!" if sys.byteorder == "little" else "<"


def encode(value: object) -> bytes:
    """A value as MessagePack. Raises `Unclonable` for what has no JavaScript form, by the name of its type."""
    try:
        return _pack(_to_wire(value, 0, set()))
    except (ValueError, OverflowError, RecursionError) as error:
        raise Unclonable(str(error)) from None


def decode(data: bytes | memoryview) -> Any:
    """One value."""
    return msgpack.unpackb(data, **_unpack_options())


def decode_all(data: bytes | memoryview) -> Iterator[Any]:
    """Values that come one after another. Raises `ValueError` for what is no MessagePack, or ends too early."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(data), **_unpack_options())
    unpacker.feed(data)
    end = 0
    for value in unpacker:
        end = unpacker.tell()
        yield value
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes are left over")


def _unpack_options() -> dict[str, Any]:
    return {"ext_hook": _from_ext, "strict_map_key": False, "raw": False, "timestamp": 0}


def _pack(wire: object) -> bytes:
    packed: bytes = msgpack.packb(wire, use_bin_type=True, strict_types=True)
    return packed


def _to_wire(value: object, depth: int, above: set[int]) -> object:
    """`value` in terms of what MessagePack has; `above` are the containers around it."""
    if value is None:
        return _UNDEFINED
    if value is NULL:
        return None
    # A `bool` is an `int` too.
    if value is True or value is False or type(value) in (str, float, bytes, msgpack.ExtType):
        return value
    if isinstance(value, int):
        number = int(value)
        return number if -MAX_EXACT < number < MAX_EXACT else msgpack.ExtType(Ext.BIGINT, str(number).encode())
    if isinstance(value, (str, float)):
        return str(value) if isinstance(value, str) else float(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, (Mapping, list, tuple, Set)):
        return _container(value, depth, above)
    return _other(value, depth, above)


def _container(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...] | Set[Any], depth: int, above: set[int]) -> object:
    if depth >= MAX_DEPTH:
        raise Unclonable(f"the value has more than {MAX_DEPTH} levels")
    if id(value) in above:
        raise Unclonable(f"a `{_name_of(value)}` contains itself, which cannot be sent to another machine")
    above.add(id(value))
    try:
        if isinstance(value, Mapping):
            return {_key(key): _to_wire(member, depth + 1, above) for key, member in value.items()}
        members = [_to_wire(member, depth + 1, above) for member in value]
        return msgpack.ExtType(Ext.SET, _pack(members)) if isinstance(value, Set) else members
    finally:
        above.discard(id(value))


def _key(key: object) -> str:
    """A key of an object: JavaScript has texts alone."""
    if isinstance(key, str):
        return str(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(int(key))
    if isinstance(key, float):
        return str(int(key)) if key.is_integer() and abs(key) < MAX_EXACT else repr(key)
    raise Unclonable(f"a key of a dict is a Python `{_name_of(key)}`, and keys of objects are texts in JavaScript")


def _other(value: object, depth: int, above: set[int]) -> object:
    """Arrays, by the buffer protocol, and scalars of NumPy, which have one too."""
    item = getattr(value, "item", None)
    if getattr(value, "ndim", None) == 0 and callable(item):
        scalar = item()
        if scalar is not value:
            return _to_wire(scalar, depth, above)
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        raise Unclonable(_has_no_form(value)) from None
    with view:
        return _array(view, value)


def _array(view: memoryview, value: object) -> object:
    number_class = "u" if view.format == "c" else _NUMBER_CLASS.get((view.format or "B").lstrip("@=<>!"))
    kind = _KINDS.get((number_class or "", view.itemsize))
    if kind is None:
        raise Unclonable(_has_no_form(value))
    data = view.tobytes()
    if (view.format or "").startswith(tuple(_SWAPPED)):
        data = _swap(data, view.itemsize)
    return _nested(data, kind, view.itemsize, view.shape or (len(data) // view.itemsize,))


def _nested(data: bytes, kind: int, itemsize: int, shape: tuple[int, ...]) -> object:
    if len(shape) <= 1:
        return data if kind == _BYTES_KIND else msgpack.ExtType(Ext.TYPED_ARRAY, bytes([kind]) + _little_endian(data, itemsize))
    step = len(data) // shape[0] if shape[0] else 0
    rows = (data[row * step : (row + 1) * step] for row in range(shape[0]))
    return [_nested(row, kind, itemsize, shape[1:]) for row in rows]


def _little_endian(data: bytes, itemsize: int) -> bytes:
    return data if sys.byteorder == "little" else _swap(data, itemsize)


def _swap(data: bytes, itemsize: int) -> bytes:
    if itemsize == 1:
        return data
    swapped = array({2: "H", 4: "I", 8: "Q"}[itemsize], data)
    swapped.byteswap()
    return swapped.tobytes()


def _has_no_form(value: object) -> str:
    return f"a Python `{_name_of(value)}` has no JavaScript form: use numbers, strings, lists, dicts or arrays instead"


def _name_of(value: object) -> str:
    return type(value).__name__


def _from_ext(code: int, data: bytes) -> object:
    if code == Ext.UNDEFINED:
        return None
    if code == Ext.DATE:
        return _date(data)
    if code == Ext.BIGINT:
        return int(data.decode("ascii"))
    if code == Ext.TYPED_ARRAY:
        return _typed_array(data)
    inner = decode(data)
    if code == Ext.MAP:
        return dict(zip(inner[::2], inner[1::2], strict=True))
    if code == Ext.SET:
        return set(inner)
    if code == Ext.ERROR:
        return RemoteError(inner)
    if code == Ext.REGEXP:
        source, flags = inner
        return re.compile(source, re.IGNORECASE if "i" in flags else 0)
    raise ValueError(f"there is no extension type {code}")


def _date(data: bytes) -> datetime.datetime | None:
    (milliseconds,) = struct.unpack(">d", data)
    if milliseconds != milliseconds:
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return epoch + datetime.timedelta(milliseconds=milliseconds)


def _typed_array(data: bytes) -> object:
    """A typed array as Pyodide gives it: a view that NumPy takes without a copy."""
    kind, elements = data[0], data[1:]
    if kind in _RAW_KINDS:
        return memoryview(elements)
    values = array(_FORMATS[kind], elements)
    if sys.byteorder == "big":
        values.byteswap()
    return memoryview(values)
