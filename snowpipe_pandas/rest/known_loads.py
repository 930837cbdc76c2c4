"""The loads that a target's channels remember, read from their offset tokens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from ..offset_tokens import Mark, read_token
from ..shown import counted, plural_of, visible


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel as SHOW CHANNELS shows it.

    Attributes:
        name: its name.
        offset_token: what is committed, None where nothing is.
        created_on: when it was created.
    """

    name: str
    offset_token: str | None
    created_on: dt.datetime


@dataclass(frozen=True, slots=True)
class KnownLoad:
    """A load that its channels remember.

    Attributes:
        load_id: its name.
        rows_committed: rows that the service has dealt with, each in the table or rejected.
        rows_total: rows of the whole load, None where no token says it: for a load through one channel, and
            for one in partitions that is not complete.
        channels: names of its known channels.
        begun: when the first of them was created.
    """

    load_id: str
    rows_committed: int
    rows_total: int | None
    channels: tuple[str, ...]
    begun: dt.datetime

    @property
    def done(self) -> bool | None:
        """Whether all rows are committed, None where the number of all rows is not known."""
        return None if self.rows_total is None else self.rows_committed == self.rows_total

    def __str__(self) -> str:
        total = "" if self.rows_total is None else f" of {self.rows_total:,}"
        through = counted(len(self.channels), "channel")
        noun = plural_of(self.rows_committed if self.rows_total is None else self.rows_total, "row")
        rows = f"{self.rows_committed:,}{total} {noun}"
        return f"{visible(self.load_id)}: {rows} committed through {through}"


def known_loads(channels: Iterable[ListedChannel]) -> list[KnownLoad]:
    """Return the loads that channels remember, the latest last; tokens that no load wrote are ignored."""
    found: dict[str, list[tuple[ListedChannel, Mark]]] = {}
    for channel in channels:
        mark = read_token(channel.offset_token)
        if mark is not None:
            found.setdefault(mark.owner, []).append((channel, mark))
    loads = [_load(load_id, seen) for load_id, seen in found.items()]
    return sorted(loads, key=lambda load: (load.begun, load.load_id))


def _load(load_id: str, seen: list[tuple[ListedChannel, Mark]]) -> KnownLoad:
    parts = [mark.part for _, mark in seen if mark.part is not None]
    committed = sum(mark.position.rows for _, mark in seen)
    total = next((part.rows_total for part in parts if part.rows_total is not None), None)
    if total is not None and any(part.done for part in parts):  # whose channels are being dropped
        committed = total
    return KnownLoad(
        load_id,
        committed,
        total,
        tuple(sorted(channel.name for channel, _ in seen)),
        min(channel.created_on for channel, _ in seen),
    )
