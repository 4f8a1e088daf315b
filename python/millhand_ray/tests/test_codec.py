"""Values on the wire: what Python sends, and what it makes of what comes."""

from __future__ import annotations

import datetime
import struct
from typing import Any

import msgpack
import numpy as np
import pytest

from millhand_ray.worker.codec import MAX_EXACT, NULL, Ext, RemoteError, Unclonable, decode, decode_all, encode


def wire(value: object) -> Any:
    """What is on the wire, with extensions as they are."""
    return msgpack.unpackb(encode(value), strict_map_key=False)


def ext(code: int, data: bytes) -> msgpack.ExtType:
    return msgpack.ExtType(code, data)


def test_plain_values_are_what_they_are() -> None:
    value = {"a": [1, -2.5, "text", True, False], "b": {"c": b"bytes"}}
    assert wire(value) == value
    assert decode(encode(value)) == value


def test_none_is_undefined_and_null_is_null() -> None:
    assert wire([None, NULL]) == [ext(Ext.UNDEFINED, b""), None]
    assert decode(encode([None, NULL])) == [None, None]


def test_integers_beyond_javascripts_numbers_are_bigints() -> None:
    for number in (MAX_EXACT, -MAX_EXACT, 10**40):
        assert wire(number) == ext(Ext.BIGINT, str(number).encode())
        assert decode(encode(number)) == number
    assert wire(MAX_EXACT - 1) == MAX_EXACT - 1


def test_sets_and_tuples_keep_their_members() -> None:
    assert decode(encode({1, 2})) == {1, 2}
    assert decode(encode((1, "a"))) == [1, "a"]


def test_keys_become_texts() -> None:
    assert wire({1: "a", 2.0: "b", 1.5: "c", False: "d"}) == {"1": "a", "2": "b", "1.5": "c", "false": "d"}
    with pytest.raises(Unclonable, match="a key of a dict is a Python `tuple`"):
        encode({(1, 2): 3})


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("i1", 1), ("i2", 4), ("u2", 5), ("i4", 6), ("u4", 7), ("f4", 8), ("f8", 9), ("i8", 10), ("u8", 11)],
)
def test_arrays_become_typed_arrays(dtype: str, kind: int) -> None:
    values = np.array([1, 2, 3], dtype=dtype)
    assert wire(values) == ext(Ext.TYPED_ARRAY, bytes([kind]) + values.tobytes())
    assert np.array_equal(np.asarray(decode(encode(values))), values)
    assert wire(values.astype(values.dtype.newbyteorder(">"))) == wire(values)


def test_bytes_of_all_kinds_are_bytes() -> None:
    for value in (b"ab", bytearray(b"ab"), memoryview(b"ab"), np.frombuffer(b"ab", "u1")):
        assert wire(value) == b"ab"


def test_arrays_of_more_dimensions_are_nested() -> None:
    value = np.arange(6, dtype="f8").reshape(2, 3)
    assert [list(row) for row in decode(encode(value))] == [[0, 1, 2], [3, 4, 5]]
    assert decode(encode(np.zeros((0, 3)))) == []


def test_scalars_of_numpy_are_numbers() -> None:
    assert wire([np.float64(1.5), np.int32(3), np.bool_(True)]) == [1.5, 3, True]


@pytest.mark.parametrize(
    ("value", "name"),
    [(object(), "object"), (lambda: 0, "function"), (1j, "complex"), (np.array([1j]), "ndarray"), (range(3), "range")],
)
def test_what_has_no_javascript_form_is_named(value: object, name: str) -> None:
    with pytest.raises(Unclonable, match=f"a Python `{name}` has no JavaScript form"):
        encode({"deep": [value]})


def test_what_contains_itself_or_is_too_deep_is_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(Unclonable, match="contains itself"):
        encode(cycle)
    deep: list[Any] = []
    for _ in range(101):
        deep = [deep]
    with pytest.raises(Unclonable, match="more than 100 levels"):
        encode(deep)
    shared = [1]
    assert decode(encode([shared, shared])) == [[1], [1]]


def test_extensions_of_javascript_are_read() -> None:
    def read(code: int, data: bytes) -> Any:
        return decode(msgpack.packb(ext(code, data)))

    assert read(Ext.DATE, struct.pack(">d", 1500.0)) == datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, datetime.timezone.utc)
    assert read(Ext.DATE, struct.pack(">d", float("nan"))) is None
    assert read(Ext.MAP, msgpack.packb([1, "a", 2, "b"])) == {1: "a", 2: "b"}
    assert read(Ext.REGEXP, msgpack.packb(["a+", "gi"])).match("AA")
    error = read(Ext.ERROR, msgpack.packb({"name": "TypeError", "message": "no"}))
    assert isinstance(error, RemoteError)
    assert str(error) == "TypeError: no"
    with pytest.raises(ValueError, match="no extension type 99"):
        read(99, msgpack.packb(0))


def test_batches_come_one_after_another_and_whole() -> None:
    data = encode([1]) + encode([2])
    assert list(decode_all(data)) == [[1], [2]]
    with pytest.raises(ValueError, match="left over"):
        list(decode_all(data[:-1]))
