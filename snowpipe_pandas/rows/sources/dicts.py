"""Turns rows that are dicts into columns of Python objects, typed as a frame's object columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError
from ...shown import shown
from .frames import Series
from .names import check_distinct, check_texts

CHUNK_ROWS = 10_000
"""Rows of a generator of dicts that are read before their types are decided, if they come in time."""


def is_row(value: object) -> bool:
    """Return whether a value is itself a row: a dict, or another mapping."""
    return isinstance(value, Mapping)


def series_of_dicts(rows: Sequence[Any], first_row: int = 0) -> list[tuple[str, Series]]:
    """Return the columns of rows, in the order in which their keys first appear.

    A key that a row lacks is a missing value.

    Args:
        rows: the rows.
        first_row: number of the first one in the whole source, for messages.

    Raises:
        DataError: an item is not a row, or a key can't name a column.
        DuplicateColumnError: keys differ only in case.

    >>> [name for name, values in series_of_dicts([{"a": 1}, {"b": 2}])]
    ['a', 'b']
    """
    for number, row in enumerate(rows, start=first_row):
        if not is_row(row):
            raise DataError(
                f"row {number} is of type {type(row).__name__} ({shown(row)}), the rows before it are dicts"
            )
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    check_texts(names)
    check_distinct(names)
    return [(str(name), _column(rows, name)) for name in names]


def _column(rows: Sequence[Mapping[Any, Any]], name: str) -> Series:
    return pd.Series(np.fromiter((row.get(name) for row in rows), np.dtype(object), len(rows)), dtype=object)
