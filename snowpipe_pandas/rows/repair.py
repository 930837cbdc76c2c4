"""Pairs corrected rows with the rejected rows that they replace, by their row numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import pandas as pd

from ..arguments import instance, refuse
from ..errors import UsageError
from ..shown import counted
from .rejected import own_names

_WANTED = "the rows of rejected(), corrected: a DataFrame that has its columns"


@dataclass(frozen=True, slots=True)
class Expected:
    """Which rows can be repaired.

    Attributes:
        names: the columns that are not the source's; the first one has the numbers.
        numbers: the numbers of rejected rows.
        without_number: how many more there are whose numbers are unknown.
    """

    names: tuple[str, ...]
    numbers: Collection[int]
    without_number: int

    @classmethod
    def of(cls, rejected: pd.DataFrame) -> Expected:
        """Read them from a frame of `rejected_frame`."""
        names = tuple(rejected.columns[: len(own_names(rejected))])
        numbers = rejected[names[0]]
        return cls(names, frozenset(map(int, numbers.dropna())), int(numbers.isna().sum()))

    @property
    def rows(self) -> int:
        """How many rows were rejected."""
        return len(self.numbers) + self.without_number


def rows_to_send(fixed: Any, expected: Expected) -> pd.DataFrame:
    """Return corrected rows as they are sent: in the order of the source, in its columns.

    Rows may be left out: they are not sent.

    Raises:
        UsageError: it is not a frame, does not say which rows these are, or has rows that were not rejected.
    """
    frame: pd.DataFrame = instance("fixed", fixed, pd.DataFrame, wanted=_WANTED)
    name = expected.names[0]
    if name not in frame.columns:
        raise UsageError(
            f"fixed has no column {name!r}, which says which rejected rows its rows are: give {_WANTED}"
        )
    numbers = _numbers(frame[name])
    _check(numbers, expected)
    order = sorted(
        range(len(numbers)), key=lambda at: (numbers[at] is None, 0 if numbers[at] is None else numbers[at])
    )
    return frame.iloc[order].drop(columns=[name for name in expected.names if name in frame.columns])


def _numbers(column: Any) -> list[int | None]:
    if isinstance(column, pd.DataFrame):
        raise UsageError(f"fixed has the column {column.columns[0]!r} twice")
    found: list[int | None] = []
    for value in column.tolist():
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            found.append(None)
        elif _is_whole(value):
            found.append(int(value))
        else:
            refuse(f"fixed[{column.name!r}]", value, "the number that rejected() gave")
    return found


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; a float may be one too, for example from a CSV file."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check(numbers: Sequence[int | None], expected: Expected) -> None:
    """Refuse rows that occur twice, or were never rejected.

    Raises:
        UsageError: names them.
    """
    counts = Counter(number for number in numbers if number is not None)
    twice = sorted(number for number, times in counts.items() if times > 1)
    if twice:
        raise UsageError(
            f"fixed has {_rows(twice)} of the source more than once; each rejected row is sent once"
        )
    foreign = sorted(set(counts) - set(expected.numbers))
    if foreign:
        raise UsageError(
            f"fixed has {_rows(foreign)} of the source, which the service has not rejected; send other rows "
            "with stream(), under a load_id of their own"
        )
    without = numbers.count(None)
    if without > expected.without_number:
        raise UsageError(
            f"fixed has {counted(without, 'row')} without a number, of the rejected rows "
            f"{expected.without_number:,} have none"
        )


def _rows(numbers: Sequence[int]) -> str:
    listed = ", ".join(f"{number:,}" for number in numbers[:5])
    more = f" and {len(numbers) - 5:,} more" if len(numbers) > 5 else ""
    return f"row{'s' if len(numbers) > 1 else ''} {listed}{more}"
