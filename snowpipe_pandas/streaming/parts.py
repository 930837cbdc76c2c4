"""How a load is cut into parts, one for each channel: how many, of which rows, with which names.

`TargetLoad` cuts rows whose number it knows. An engine such as Dask has cut its rows already; such a load has
a manifest besides, a channel without rows that says into how many partitions.
"""

from __future__ import annotations

import math

from ..arguments import A_DAY_S
from ..offset_tokens import PartOf

MAX_CHANNELS = 64
"""Most channels of one load; this many names are looked up when a load begins."""

AUTO_CHANNELS = 8
"""Most channels that "auto" takes: as much as two processors render and compress, at 20 MB/s each."""

MANIFEST = 0
"""The part that carries no row and says how a load in partitions was cut."""

MAX_PARTITIONS = 2000
"""Most channels of a pipe; this many names are looked up when a load in partitions begins."""

FORGOTTEN_AFTER_S = 29 * A_DAY_S
"""The service deletes channels that were not used for 30 days, and their tokens with them."""

WORTH_S = 5.0
"""A further channel is worth its open if it saves this many seconds, at the service's pace for a channel."""


def channel_of(load_id: str, part: int) -> str:
    """Return the name of the channel that carries a part of a load; the first is named as the load is.

    >>> channel_of("2013", 1), channel_of("2013", 2), channel_of("2013", MANIFEST)
    ('2013', '2013.part-2', '2013.manifest')
    """
    if part == MANIFEST:
        return f"{load_id}.manifest"
    return load_id if part == 1 else f"{load_id}.part-{part}"


def cut(rows_total: int, channels: int) -> list[PartOf]:
    """Cut rows into parts of consecutive rows, as equal as possible; no part is empty.

    >>> [(part.first_row, part.end_row) for part in cut(10, 3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    parts = max(1, min(channels, rows_total))
    return [PartOf(number, parts, rows_total) for number in range(1, parts + 1)]


def cut_of(part: PartOf | None) -> tuple[int, int | None] | None:
    """Return how the load of a part was cut: into how many, of how many rows; None is a load of one part.

    Partitions were cut by an engine, not by a number of rows.
    """
    if part is None:
        return None
    return part.parts, None if part.part == MANIFEST else part.rows_total


def worthwhile(raw_bytes: float, bytes_per_s: float) -> int:
    """Return how many channels are worth their opens, for this much NDJSON at a channel's pace.

    >>> worthwhile(90_000_000, 20e6), worthwhile(350_000_000, 20e6), worthwhile(10e9, math.inf)
    (1, 4, 1)
    """
    seconds = raw_bytes / bytes_per_s
    return max(1, min(AUTO_CHANNELS, math.ceil(seconds / WORTH_S)))
