"""Says what to do with something that is not a source."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from ...errors import DataError


def is_series(source: Any) -> bool:
    """Return whether something is one column of pandas or polars."""
    return any(
        base.__name__ in ("Series", "Index") and base.__module__.split(".")[0] in ("pandas", "polars")
        for base in type(source).__mro__
    )


def is_open_file(source: Any) -> bool:
    """Return whether something is an open file, whose lines are not rows."""
    return callable(getattr(type(source), "readline", None))


def not_tabular(source: Any) -> DataError:
    """Return the error for something that is not a source, with what would make it one."""
    advice = "pass a DataFrame, an Arrow table or stream, an iterator of those, a list of dicts, or a path"
    if isinstance(source, np.ndarray):
        fields = "pd.DataFrame(array)" if source.dtype.names else "pd.DataFrame(array, columns=[...])"
        advice = f"make a frame of it, which keeps each column's type: {fields}"
    elif is_series(source):
        advice = "make a frame of it: .to_frame()"
    elif is_open_file(source):
        advice = "pass the path of a file"
    elif isinstance(source, str | PathLike):
        advice = "paths are a source as a list, sorted(paths); lines of text first become rows, as dicts"
    elif isinstance(source, bytes | bytearray | memoryview):
        advice = "read the content of a file first, for example pd.read_parquet(io.BytesIO(content))"
    elif isinstance(source, Mapping):
        advice = "make a frame of it, pd.DataFrame(...), or pass it in a list if it is a row"
    else:
        for method, result in _MATERIALISES:
            if callable(getattr(type(source), method, None)):
                advice = f"call .{method}() first, {result}"
                break
    return DataError(f"type {type(source).__name__} is not tabular: {advice}")


_MATERIALISES = (
    ("collect", "which reads it"),
    ("compute", "which reads it"),
    ("to_arrow", "which makes an Arrow table of it"),
    ("toArrow", "which makes an Arrow table of it"),
    ("to_pandas", "which makes a DataFrame of it"),
    ("toPandas", "which makes a DataFrame of it"),
)
"""Methods of lazy and distributed frames whose results are sources."""
