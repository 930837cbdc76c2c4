"""Offset tokens that describe themselves: `{load_id}:{rows}:{row format}-{digest}:{rejected}/{errors}/{sum}`.

The service stores the token with the rows and returns it; everything that makes a load resumable is in it:
the load's id, how many of its rows are committed, a digest that proves that they were these rows, and the
format in which their text was written. The last three are about rejected rows, whose number is known only
after the token was sent: how many were known, at which error count of the channel, and the sum to which its
counters of inserted and rejected rows must add up once these rows are committed. A load through several
channels has a token in each of them, which ends in the number of the part, the number of parts, and that of
all rows (`:2/8/4000000`): cut in another way, the same rows would be sent again through other channels. Where
an engine has cut the load, the number of all rows is unknown before they are read: a partition's token
leaves it out (`:2/8`). Part 0 of such a load is its manifest, which carries no row; its digest is that of the
rows' schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<owner>[^\s:\x00-\x1f]+):(?P<rows>[0-9]{1,18}):"
    r"(?:(?P<format>[0-9]{1,9})-)?(?P<digest>[0-9a-f]*)"
    r"(?::(?P<rejected>[0-9]{1,18})(?:/(?P<errors>[0-9]{1,18})/(?P<sum>[0-9]{1,18}))?"
    r"(?::(?P<part>[0-9]{1,4})/(?P<parts>[0-9]{1,4})(?:/(?P<total>[0-9]{1,18})(?P<done>/done)?)?)?)?"
)

_START = re.compile(r"(?P<owner>[^\s:\x00-\x1f]+):(?P<rows>[0-9]{1,18})(?::|$)")
"""A token before rows: a request's start token, which ends after the number, or that of earlier rows."""


class Position(NamedTuple):
    """A border between rows of a load: `rows` lie before it, `digest` is taken over their NDJSON."""

    rows: int
    digest: str


START = Position(0, "")
"""The position before the first row; nothing of the load is committed."""


@dataclass(frozen=True, slots=True)
class PartOf:
    """Which part of a load a channel carries, and how the load was cut.

    Attributes:
        part: number of the part, from 1 on; 0 is the manifest of a load in partitions.
        parts: how many there are.
        rows_total: rows of the whole load, None where that is known only once every partition is read. Rows
            are then counted in the partition.
        done: whether every part is in the table, so that the channels of the others may be deleted.
    """

    part: int
    parts: int
    rows_total: int | None
    done: bool = False

    @property
    def first_row(self) -> int:
        """Number of the part's first row: in the whole load, or 0 where rows are counted in the partition."""
        return (self.rows_total or 0) * (self.part - 1) // self.parts

    @property
    def end_row(self) -> int:
        """Number of the row after its last one, in a load whose number of rows is known."""
        return (self.rows_total or 0) * self.part // self.parts

    def __str__(self) -> str:
        total = "" if self.rows_total is None else f"/{self.rows_total}"
        return f"{self.part}/{self.parts}{total}{'/done' if self.done else ''}"


@dataclass(frozen=True, slots=True)
class Mark:
    """What an offset token says.

    Attributes:
        owner: the load's id.
        position: the position that it marks.
        row_format: format of the rows' text (`ROW_FORMAT`); None in tokens of the first form, which lack it.
        rejected: rows of the load known to be rejected when the token was sent.
        errors: the channel's count of rejected rows at that moment, None where it was not reported.
        counted: what its counters add up to once these rows are committed, None where that was unknown.
        part: which part of the load the channel carries, None where one channel carries all of it. Rows,
            digest and rejected rows are then those of the part.
    """

    owner: str
    position: Position
    row_format: int | None = None
    rejected: int = 0
    errors: int | None = None
    counted: int | None = None
    part: PartOf | None = None

    def __str__(self) -> str:
        rows, digest = self.position.rows, f"{self.row_format}-{self.position.digest}"
        counted = "" if self.errors is None else f"/{self.errors}/{self.counted}"
        part = "" if self.part is None else f":{self.part}"
        return f"{self.owner}:{rows}:{digest}:{self.rejected}{counted}{part}"


@lru_cache(maxsize=64)  # one status, or one open, is judged by several rules
def read_token(token: str | None) -> Mark | None:
    """Read an offset token, of the current or the first form; None for one that no load wrote.

    >>> read_token("flights-2013:1000:1-9f3a:3/1003/8009").position
    Position(rows=1000, digest='9f3a')
    >>> read_token("flights-2013:1000:9f3a").row_format is None
    True
    >>> read_token("flights-2013:1000:1-9f3a:0/0/1000:2/8/4000000").part.first_row
    500000
    >>> read_token("flights-2013:1000:1-9f3a:0/0/1000:2/8").part
    PartOf(part=2, parts=8, rows_total=None, done=False)
    """
    found = _TOKEN.fullmatch(token or "")
    if found is None:
        return None
    return Mark(
        found["owner"],
        Position(int(found["rows"]), found["digest"]),
        _number(found["format"]),
        _number(found["rejected"]) or 0,
        _number(found["errors"]),
        _number(found["sum"]),
        _part(found),
    )


def rows_between(load_id: str, lower: str | None, upper: str | None) -> tuple[int, int] | None:
    """Return which rows of a load a request held: the first one, and the row after the last one.

    Args:
        load_id: the load.
        lower, upper: the request's start and end tokens; where the first is not reported, or is not of the
            load, the rows may begin at any earlier row.

    Returns:
        Numbers in the whole source; None where the end token is not one of the load.

    >>> rows_between("2013", "2013:1000", "2013:2000:1-9f3a:0/0/2000")
    (1000, 2000)
    >>> rows_between("2013", None, "2014:2000:1-9f3a") is None
    True
    """
    end = read_token(upper)
    if end is None or end.owner != load_id:
        return None
    start = _START.match(lower or "")
    own = start is not None and start["owner"] == load_id
    begin = min(int(start["rows"]), end.position.rows) if own and start is not None else 0
    before = 0 if end.part is None else end.part.first_row
    return before + begin, before + end.position.rows


def _part(found: re.Match[str]) -> PartOf | None:
    if found["part"] is None:
        return None
    return PartOf(int(found["part"]), int(found["parts"]), _number(found["total"]), bool(found["done"]))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
