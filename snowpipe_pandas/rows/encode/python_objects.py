"""Object columns of dicts and lists as JSON texts: the one place where values are Python's.

orjson writes a whole column in one call, with newlines between the values, which JSON never has inside
of them. Leaves that JSON has not follow the same contract as columns do.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InvalidValueError

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_SEPARATOR = orjson.Fragment(b"\n")


def json_texts(series: pd.Series[Any], column: str, first_row: int) -> pa.StringArray:
    """Return each value's own JSON, nothing added or dropped; missing ones are null.

    Raises:
        InvalidValueError: a value has no JSON form; names column and row.
    """
    values = series.tolist()
    missing = series.isna().to_numpy()
    texts = _written_together(values)
    if texts is None:
        return _written_apart(values, missing, column, first_row)
    special = _rows_with_special(values, texts)
    if special:
        mended = pa.array([_by_parts(values[row], column, first_row + row) for row in special], pa.string())
        marked = np.zeros(len(values), bool)
        marked[special] = True
        texts = pc.replace_with_mask(texts, pa.array(marked), mended)
    return pc.if_else(pa.array(missing), None, texts) if missing.any() else texts


def _rows_with_special(values: list[Any], texts: pa.StringArray) -> list[int]:
    """Find NaN and infinities: orjson writes them as null too, so only texts with a null can have one."""
    if b"null" not in texts.buffers()[2].to_pybytes():
        return []
    nulls = np.flatnonzero(pc.match_substring(texts, "null").to_numpy(zero_copy_only=False))
    return [row for row in nulls.tolist() if values[row] is not None and _has_special(values[row])]


def _written_together(values: list[Any]) -> pa.StringArray | None:
    """Write all values at once; None where one of them needs to be looked at by itself."""
    lined: list[Any] = [_SEPARATOR] * (2 * len(values) + 1)
    lined[1::2] = values
    try:
        raw = orjson.dumps(lined, default=_leaf, option=_OPTIONS)
    except TypeError:
        return None
    newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
    borders = np.empty(2 * len(values) + 1, np.int32)
    borders[0::2] = newlines + 2  # behind "\n,"
    borders[1::2] = newlines[1:] - 1  # before ",\n"
    segments = pa.StringArray.from_buffers(2 * len(values), pa.py_buffer(borders), pa.py_buffer(raw))
    return segments.take(pa.array(np.arange(0, 2 * len(values), 2)))


def _written_apart(values: list[Any], missing: np.ndarray, column: str, first_row: int) -> pa.StringArray:
    texts = [
        None if absent else _by_parts(value, column, first_row + row)
        for row, (value, absent) in enumerate(zip(values, missing, strict=True))
    ]
    return pa.array(texts, pa.string())


def _by_parts(value: Any, column: str, row: int) -> str:
    try:
        text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"column {column!r}, row {row} ({ascii(value)[:60]}): has no JSON form ({error})",
            column=column,
            row=row,
            value=value,
        ) from None
    return text


def _has_special(value: Any) -> bool:
    """Whether NaN or an infinity is somewhere in the value."""
    if isinstance(value, dict):
        return any(map(_has_special, value.values()))
    if isinstance(value, np.ndarray):
        return not np.isfinite(value).all() if value.dtype.kind == "f" else any(map(_has_special, value.flat))
    if isinstance(value, list | tuple):
        return any(map(_has_special, value))
    return isinstance(value, float | np.floating) and not np.isfinite(value)


def _leaf(value: Any) -> Any:
    """Tell orjson what stands for a value that it does not know."""
    plain = _plain(value)
    if plain is value:
        raise TypeError(f"{type(value).__name__} is not JSON")
    return plain


def _plain(value: Any) -> Any:
    """Bring a nested value to what JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, UUID) else value


def _instant(value: datetime) -> str:
    stamp = pd.Timestamp(value)
    return (
        stamp.isoformat() if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None).isoformat() + "Z"
    )
