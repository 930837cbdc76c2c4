"""Object columns of dicts and lists as JSON texts: the one place where values are Python's.

A value's text depends on the value alone. orjson writes a whole column in one call, with raw newlines between
the values, which JSON never has inside of them; values for which orjson has no form, or not that of columns,
are written by `_text`. Both ways write the same leaves, and tests compare them.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Sequence
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
from .numbers import half_text, without_plus

_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
)
_PLAIN_ARRAYS = _OPTIONS | orjson.OPT_SERIALIZE_NUMPY
"""Only for arrays of plain numbers: times and narrow floats of NumPy would be written in another form."""

MAX_DECIMAL_DIGITS = 1000

_SEPARATOR = orjson.Fragment(b"\n")
_NOT_QUITE = ("e+", "null")
"""A text with one of these may have an exponent with a plus, or come from a NaN: it is checked again."""

_RARE = (b"+", b"null")
"""What is searched for first: one byte is found much faster than two."""


def json_texts(
    values: Sequence[Any], missing: np.ndarray[Any, Any], location: CellLocation
) -> pa.StringArray:
    """Return each value's own JSON, nothing added or dropped; null for None, and where `missing` is true.

    Raises:
        InvalidValueError: a value has no JSON form; names column and row.

    >>> json_texts([{"a": [1, None]}, None], np.array([False, True]), location).to_pylist()
    ['{"a":[1,null]}', None]
    """
    writer = _Writer(location)
    texts = writer.together(values, _PLAIN_ARRAYS if _are_plain_arrays(values) else _OPTIONS)
    if texts is None:
        return pa.array([writer.alone(row, value) for row, value in enumerate(values)], pa.string())
    again = [row for row in _doubtful(texts) if values[row] is not None]
    if again:
        marked = np.zeros(len(values), bool)
        marked[again] = True
        mended = pa.array([writer.by_parts(row, values[row]) for row in again], pa.string())
        texts = pc.replace_with_mask(texts, pa.array(marked), mended)
    return pc.if_else(pa.array(missing), None, texts) if missing.any() else texts


def _are_plain_arrays(values: Sequence[Any]) -> bool:
    """Return whether all values are arrays of numbers, which orjson writes as `_array_text`, but faster."""
    arrays = [value for value in values if value is not None]
    if not arrays or set(map(type, arrays)) != {np.ndarray}:
        return False
    return all(
        d.kind in "iufb" and d.itemsize <= 8 and d.isnative and d != np.float16
        for d in {a.dtype for a in arrays}
    )


def _doubtful(texts: pa.StringArray) -> list[int]:
    """Return the rows whose text may not be the canonical one."""
    data = texts.buffers()[2].to_pybytes() if texts.buffers()[2] is not None else b""
    marks = [mark for mark, rare in zip(_NOT_QUITE, _RARE, strict=True) if rare in data]
    found = [pc.match_substring(texts, mark) for mark in marks]
    return sorted(
        {int(row) for flags in found for row in np.flatnonzero(flags.to_numpy(zero_copy_only=False))}
    )


class _Writer:
    """Writes the values of one column."""

    def __init__(self, location: CellLocation) -> None:
        self._location = location

    def together(self, values: Sequence[Any], options: int) -> pa.StringArray | None:
        """Write all values at once; None if one of them must be written alone."""
        lined: list[Any] = [_SEPARATOR] * (2 * len(values) + 1)
        lined[1::2] = values
        try:
            raw = orjson.dumps(lined, default=self._default, option=options)
        except Exception:  # noqa: BLE001  # writing each alone finds the value that failed
            return None
        newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
        borders = np.empty(2 * len(values) + 1, np.int32)
        borders[0::2] = newlines + 2  # after "\n,"
        borders[1::2] = newlines[1:] - 1  # before ",\n"
        segments = pa.StringArray.from_buffers(2 * len(values), pa.py_buffer(borders), pa.py_buffer(raw))
        return segments.take(pa.array(np.arange(0, 2 * len(values), 2)))

    def alone(self, row: int, value: Any) -> str | None:
        """Write one value, fast where it can be."""
        if value is None:
            return None
        try:
            text = orjson.dumps(value, default=self._default, option=_OPTIONS).decode()
        except Exception:  # noqa: BLE001  # by_parts says what is wrong with it
            return self.by_parts(row, value)
        return self.by_parts(row, value) if any(mark in text for mark in _NOT_QUITE) else text

    def by_parts(self, row: int, value: Any) -> str:
        """Write one value leaf by leaf.

        Raises:
            InvalidValueError: it has no JSON form.
        """
        try:
            return _text(value, self._location.binary_format)
        except RecursionError:
            problem = "has no JSON form: it is nested too deeply, or contains itself"
        except Exception as error:  # noqa: BLE001  # whatever a foreign value raises
            problem = f"has no JSON form ({str(error)[:120] or type(error).__name__})"
        raise self._location.invalid(row, value, problem) from None

    def _default(self, value: Any) -> Any:
        """Return what orjson writes for a value for which it has no form."""
        if isinstance(value, dict | list | tuple | np.ndarray):
            return orjson.Fragment(_text(value, self._location.binary_format))
        leaf = _leaf(value, self._location.binary_format)
        return orjson.Fragment(leaf) if isinstance(leaf, _Digits) else leaf


class _Digits(str):
    """The digits of a number, which are JSON as they are."""

    __slots__ = ()


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
        return without_plus(orjson.dumps(value.tolist())).decode()
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
    """Keys are strings in JSON: others are written as values are."""
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    leaf = _leaf(key, binary_format)
    if leaf is None:
        raise ValueError("a key is missing; keys are strings")
    return str(leaf) if isinstance(leaf, str) else _scalar_text(leaf)


def _scalar_text(leaf: Any) -> str:
    if isinstance(leaf, _Digits):
        return str(leaf)
    if type(leaf) is int:
        return str(leaf)  # of any size
    text = orjson.dumps(leaf, option=_OPTIONS)
    return (without_plus(text) if type(leaf) is float else text).decode()


def _leaf(value: Any, binary_format: BinaryFormat) -> Any:
    """Convert a leaf to None, a bool, int, float, str, or the digits of a narrow float, as columns write it.

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
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _number(value: Any) -> Any:
    """Convert a float of Python or NumPy; narrow ones have the shortest digits of their own width."""
    if not np.isfinite(value):
        return "NaN" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, float):
        return float(value)
    if isinstance(value, np.float32):
        return _Digits(without_plus(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)).decode())
    if isinstance(value, np.float16):
        return _Digits(half_text(value))
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
        raise ValueError(f"{value} is not a number")
    if abs(value.adjusted()) > MAX_DECIMAL_DIGITS:  # 1E+1000000000 would be a text of a gigabyte
        raise ValueError(f"it has more than {MAX_DECIMAL_DIGITS} digits")
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
