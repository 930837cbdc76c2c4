"""The first rejected rows of a load, for the error that says that there are some: row, column, value, reason.

They are read as `result.rejected()` reads them, but only a few of them, and nothing here may keep a load's
own error from its caller.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import orjson

from ..load_facts import RejectedRow
from ..rows.encode.encoder import Encoder
from ..rows.rejected import Rejected, numbers_of
from ..rows.sources.again import Again
from ..shown import SHOWN_CHARACTERS, cleaned, shown

MOST_ROWS = 5
REASON_CHARACTERS = 200
LOOK_UP_S = 10.0
"""How long the error may wait for its rows."""

_LOOKED_AT = 10_000
"""Rows of the error table among which the first ones are chosen, as it has an order of its own."""

_LOOKED_FOR = 100
"""Rows of the earliest requests that are looked for in the source."""


def first_rejected(
    read: Callable[[], Iterable[Rejected]], again: Again, encoder: Encoder
) -> tuple[RejectedRow, ...]:
    """Return the first rejected rows of a load, in the order of the source; none where they can't be had.

    Args:
        read: reads the load's rows of the error table.
        again: the load's source.
        encoder: how its rows were written.
    """
    found: list[RejectedRow] = []

    def look() -> None:
        try:
            found.extend(_found(list(islice(read(), _LOOKED_AT)), again, encoder))
        except Exception:  # noqa: BLE001  # the load's own error is what its caller is to get
            found.clear()

    thread = threading.Thread(target=look, name="snowpipe-rejected-rows", daemon=True)
    try:
        thread.start()
        thread.join(LOOK_UP_S)
    except (KeyboardInterrupt, RuntimeError):  # a Ctrl-C ends the wait; no thread can be started
        return ()
    return () if thread.is_alive() else tuple(found)


def _found(rejected: list[Rejected], again: Again, encoder: Encoder) -> list[RejectedRow]:
    rejected = sorted(rejected, key=lambda row: (row.first_row, row.end_row))[:_LOOKED_FOR]
    numbers = numbers_of(rejected, again, encoder)
    spans = [
        (numbers[place], numbers[place] + 1) if place in numbers else (row.first_row, row.end_row)
        for place, row in enumerate(rejected)
    ]
    first = sorted(range(len(rejected)), key=spans.__getitem__)[:MOST_ROWS]
    return [_rejected_row(rejected[place], spans[place]) for place in first]


def _rejected_row(rejected: Rejected, span: tuple[int, int]) -> RejectedRow:
    row = _parsed(rejected.line)
    column = None if row is None else _named(rejected.reason, row)
    return RejectedRow(
        first_row=span[0],
        end_row=span[1],
        column=column,
        value=shown(row[column]) if row and column else cleaned(rejected.line, SHOWN_CHARACTERS),
        reason=cleaned(rejected.reason, REASON_CHARACTERS) or "no reason given",
    )


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _named(reason: str, row: Mapping[str, Any]) -> str | None:
    """Return the column that a reason names: `column ID: "x" is not a valid NUMBER`."""
    names = "|".join(re.escape(name) for name in sorted(row, key=len, reverse=True))
    found = re.search(rf'\bcolumn:? "?({names})(?![\w$])', reason, re.IGNORECASE) if names else None
    if found is None:
        return None
    return next((name for name in row if name.upper() == found[1].upper()), None)
