"""Object columns of dicts and lists as JSON texts: the one place where values are Python's.

A value's text depends on the value alone. orjson writes a whole column in one call, with raw newlines between
the values, which JSON never has inside of them; what orjson has no form for, or another one than columns
have, is written by `_text`. Both ways write the same leaves, and tests hold them together.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..instants import duration_text, moment_text, time_text
from .cell_location import BinaryFormat, CellLocation
from .column_writers import render
from .numbers import half_text
from .segments import gathered

_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
)
_SEPARATOR = orjson.Fragment(b"\n")
_NOT_QUITE = (b"null", b"e+")
"""A text with one of these may stand for a NaN, or write an exponent with a plus: it is looked at again."""


def json_texts(values: Sequence[Any], location: CellLocation) -> pa.StringArray:
    """Return each value's own JSON, nothing added or dropped; None is null.

    Raises:
        InvalidValueError: a value has no JSON form; names column and row.

    >>> json_texts([{"a": [1, None]}, None], location).to_pylist()
    ['{"a":[1,null]}', None]
    """
    texts = _of_arrays(values, location)
    if texts is not None:
        return texts
    writer = _Writer(location)
    texts = writer.together(values)
    if texts is None:
        return pa.array([writer.alone(row, value) for row, value in enumerate(values)], pa.string())
    again = [row for row in _doubtful(texts) if values[row] is not None]
    missing = np.fromiter((value is None for value in values), bool, len(values))
    if again:
        marked = np.zeros(len(values), bool)
        marked[again] = True
        mended = pa.array([writer.by_parts(row, values[row]) for row in again], pa.string())
        texts = pc.replace_with_mask(texts, pa.array(marked), mended)
    return pc.if_else(pa.array(missing), None, texts) if missing.any() else texts


def _of_arrays(values: Sequence[Any], location: CellLocation) -> pa.StringArray | None:
    """Write arrays of one number type as Arrow lists are, which is faster; None if there are others."""
    arrays = [value for value in values if value is not None]
    first = arrays[0] if arrays else None
    if type(first) is not np.ndarray or first.dtype.kind not in "iufb" or first.dtype.itemsize > 8:
        return None
    if any(type(a) is not np.ndarray or a.dtype != first.dtype or a.ndim != 1 for a in arrays):
        return None
    lengths = [0 if value is None else len(value) for value in values]
    borders = np.concatenate([[0], np.cumsum(lengths)])
    items = pa.array(np.concatenate(arrays).astype(first.dtype.newbyteorder("="), copy=False))
    missing = pa.array([value is None for value in values])
    lists = pa.LargeListArray.from_arrays(pa.array(borders), items)
    written = gathered(
        render(lists, pa.field(location.column, lists.type), replace(location, end="")), len(lists)
    )
    return pc.if_else(missing, None, written)


def _doubtful(texts: pa.StringArray) -> list[int]:
    """Return the rows whose text may not be the canonical one."""
    data = texts.buffers()[2].to_pybytes() if texts.buffers()[2] is not None else b""
    found = [pc.match_substring(texts, mark.decode()) for mark in _NOT_QUITE if mark in data]
    return sorted(
        {int(row) for flags in found for row in np.flatnonzero(flags.to_numpy(zero_copy_only=False))}
    )


class _Writer:
    """Writes the values of one column."""

    def __init__(self, location: CellLocation) -> None:
        self._location = location

    def together(self, values: Sequence[Any]) -> pa.StringArray | None:
        """Write all values at once; None where one of them needs to be looked at by itself."""
        lined: list[Any] = [_SEPARATOR] * (2 * len(values) + 1)
        lined[1::2] = values
        try:
            raw = orjson.dumps(lined, default=self._default, option=_OPTIONS)
        except Exception:  # noqa: BLE001  # the value that failed is found, and told, by writing each alone
            return None
        newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
        borders = np.empty(2 * len(values) + 1, np.int32)
        borders[0::2] = newlines + 2  # behind "\n,"
        borders[1::2] = newlines[1:] - 1  # before ",\n"
        segments = pa.StringArray.from_buffers(2 * len(values), pa.py_buffer(borders), pa.py_buffer(raw))
        return segments.take(pa.array(np.arange(0, 2 * len(values), 2)))

    def alone(self, row: int, value: Any) -> str | None:
        """Write one value, fast where it can be."""
        if value is None:
            return None
        try:
            text = orjson.dumps(value, default=self._default, option=_OPTIONS)
        except Exception:  # noqa: BLE001  # by_parts says what is wrong with it
            return self.by_parts(row, value)
        return self.by_parts(row, value) if any(mark in text for mark in _NOT_QUITE) else text.decode()

    def by_parts(self, row: int, value: Any) -> str:
        """Write one value leaf by leaf.

        Raises:
            InvalidValueError: it has no JSON form.
        """
        try:
            return _text(value, self._location.binary_format)
        except RecursionError:
            problem = "has no JSON form: it is nested too deeply, or holds itself"
        except Exception as error:  # noqa: BLE001  # whatever a foreign value raises
            problem = f"has no JSON form ({str(error)[:120] or type(error).__name__})"
        raise self._location.invalid(row, value, problem) from None

    def _default(self, value: Any) -> Any:
        """Tell orjson what stands for a value that it does not write itself."""
        if isinstance(value, dict | list | tuple | np.ndarray):
            return orjson.Fragment(_text(value, self._location.binary_format))
        return _leaf(value, self._location.binary_format)


def _text(value: Any, binary_format: BinaryFormat) -> str:
    """Return the canonical JSON text of a value."""
    if isinstance(value, enum.Enum):
        value = value.value  # as orjson does
    if isinstance(value, dict):
        return _object_text(value, binary_format)
    if isinstance(value, np.ndarray):
        return _array_text(value, binary_format)
    if isinstance(value, list | tuple):
        return f"[{','.join([_text(item, binary_format) for item in value])}]"
    return _scalar_text(_leaf(value, binary_format))


def _array_text(value: np.ndarray[Any, Any], binary_format: BinaryFormat) -> str:
    """Write an array's items; those of usual numbers at once."""
    if value.ndim == 0:
        return _text(value[()], binary_format)
    kind = value.dtype.kind
    if kind in "iub" or (value.dtype == np.float64 and np.isfinite(value).all()):
        return orjson.dumps(value.tolist()).replace(b"e+", b"e").decode()
    items = list(value)  # NumPy's scalars, which know their width and unit
    return f"[{','.join([_text(item, binary_format) for item in items])}]"


def _object_text(value: dict[Any, Any], binary_format: BinaryFormat) -> str:
    items = {}
    for key, item in value.items():
        name = _key(key, binary_format)
        if name in items:
            raise ValueError(f"two keys are both written as {name!a}, and only one of them would arrive")
        items[name] = _text(item, binary_format)
    return "{" + ",".join([f"{_scalar_text(name)}:{text}" for name, text in items.items()]) + "}"


def _key(key: Any, binary_format: BinaryFormat) -> str:
    """Keys are strings in JSON: what is none is written as the value would be."""
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    leaf = _leaf(key, binary_format)
    if leaf is None:
        raise ValueError("a key is missing; keys are strings")
    return leaf if isinstance(leaf, str) else _scalar_text(leaf)


def _scalar_text(leaf: Any) -> str:
    if isinstance(leaf, orjson.Fragment):
        leaf = leaf.contents
        return leaf if isinstance(leaf, str) else bytes(leaf).decode()
    if type(leaf) is int:
        return str(leaf)  # of any size
    text = orjson.dumps(leaf, option=_OPTIONS).decode()
    return text.replace("e+", "e") if type(leaf) is float else text


def _leaf(value: Any, binary_format: BinaryFormat) -> Any:
    """Bring a leaf to None, a bool, int, float or str, or to a fragment of JSON, as columns write it.

    Raises:
        TypeError, ValueError: it has no JSON form.
    """
    for classes, convert in _LEAVES:
        if isinstance(value, classes):
            return convert(value)
    if value is None or value is pd.NA or value is np.ma.masked:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        return _binary_text(bytes(value), binary_format)
    raise TypeError(f"a {type(value).__name__} is no JSON")


def _number(value: Any) -> Any:
    """A float of Python or NumPy; narrow ones have the shortest digits of their own width."""
    if not np.isfinite(value):
        return "NaN" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, float):
        return float(value)
    if isinstance(value, np.float32):
        text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"e+", b"e")
        return orjson.Fragment(text)
    if isinstance(value, np.float16):
        return orjson.Fragment(half_text(value))
    raise TypeError(f"a {type(value).__name__} has more digits than a float holds")


def _moment(value: Any) -> str | None:
    if value is pd.NaT or (isinstance(value, np.datetime64) and np.isnat(value)):
        return None
    return moment_text(value)


def _duration(value: Any) -> str | None:
    return None if isinstance(value, np.timedelta64) and np.isnat(value) else duration_text(value)


def _decimal(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    if not value.is_finite():
        raise ValueError(f"{value} is no number")
    return f"{value:f}"


def _binary_text(value: bytes, form: BinaryFormat) -> str:
    if form == "utf-8":
        return value.decode("utf-8")
    return value.hex() if form == "hex" else base64.b64encode(value).decode()


_LEAVES: tuple[tuple[tuple[type, ...], Any], ...] = (
    ((str,), str.__str__),
    ((bool, np.bool_), bool),
    ((timedelta, np.timedelta64), _duration),  # before integers: NumPy's is a subclass of them
    ((int, np.integer), int),
    ((float, np.floating), _number),
    ((date, np.datetime64), _moment),
    ((time,), time_text),
    ((Decimal,), _decimal),
    ((UUID,), str),
)
