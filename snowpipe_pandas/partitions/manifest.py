"""The manifest of a load in partitions: a channel without rows, whose token says how the load was cut.

`{load_id}:0:1-{schema}:0:0/8` is a load of 8 partitions, and
`{load_id}:{rows}:1-{schema}:{rejected}:0/8/{rows}/done` one that is complete. The driver alone sets it. It is
read by an open: its answer is never from the past.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from ..errors import ChannelError, LoadMismatchError, OtherPartsError, UsageError
from ..offset_tokens import Mark, PartOf, Position
from ..rest.channel import Channel
from ..rest.target import Target
from ..rows.encode.encoder import ROW_FORMAT
from ..streaming.failures import forgotten_parts, other_parts
from ..streaming.marks import mark_of, say
from ..streaming.parts import FORGOTTEN_AFTER_S, MANIFEST, MAX_PARTITIONS, channel_of
from .spec import LoadSpec

OPENS_AT_ONCE = 8

T = TypeVar("T")


class Manifest:
    """The manifest of one load.

    Args:
        target: where the load goes.
        spec: what it is.
    """

    def __init__(self, target: Target, spec: LoadSpec) -> None:
        self._target = target
        self._spec = spec

    def check_open(self) -> None:
        """Refuse a partition of a load that was begun otherwise, or is complete.

        Raises:
            UsageError: no driver has begun it, or it is complete.
            OtherPartsError: it was begun in another number of partitions.
            LoadMismatchError: it was begun with other columns.
        """
        _, mark = self._read()
        if mark is None:
            raise UsageError(
                f"load {self._spec.load_id!r} was not begun: partitions run inside of deliver(), which makes "
                "the load's manifest first"
            )
        if _is_done(mark):
            raise UsageError(
                f"load {self._spec.load_id!r} is complete: a partition that runs now has nothing to send"
            )

    def claim(self) -> Mark | None:
        """Begin the load, or find out how it was begun; only the driver does this.

        Returns:
            What the manifest says of a load that is complete, None for one that is to be delivered.

        Raises:
            OtherPartsError: it was begun in another number of partitions, or through other channels.
            LoadMismatchError: it was begun with other columns.
            ForgottenPartsError: the service may have deleted some of its channels.
        """
        channel, mark = self._read()
        if mark is not None and _is_done(mark):
            return mark
        if mark is None:
            say(channel, self._mark(Position(0, self._spec.schema), 0, self._part))
        known = self._target.statuses(list(self._names(max(MAX_PARTITIONS, self._spec.parts))))
        parts = self._names(self._spec.parts)
        seen = {name: mark_of(status, self._spec.load_id) for name, status in known.items()}
        # A status may be from the past. One with a token of this cut is good: nobody can cut the load again.
        asked = [name for name, found in seen.items() if found is None or found.part != parts.get(name)]
        for name, found in zip(asked, _at_once(self._open_mark, asked), strict=True):
            if found is not None and found.part != parts.get(name):
                raise other_parts(self._spec.load_id, found.part, self._spec.part(1))
            seen[name] = found
        self._refuse_forgotten(channel, [name for name in parts if seen.get(name) is None])
        return None

    def complete(self, rows: int, rejected: int) -> None:
        """Record that every partition is in the table; only the driver does this."""
        channel, _ = self._read()
        part = replace(self._part, rows_total=rows, done=True)
        say(channel, self._mark(Position(rows, self._spec.schema), rejected, part))

    def drop_parts(self) -> None:
        """Drop the channels of a complete load; the manifest stays, so that the load is still recognised."""
        names = list(self._target.statuses(list(self._names(self._spec.parts))))
        _at_once(lambda name: self._target.open_channel(name).drop(), names)

    @property
    def _part(self) -> PartOf:
        return self._spec.part(MANIFEST)

    def _mark(self, position: Position, rejected: int, part: PartOf) -> Mark:
        return Mark(self._spec.load_id, position, ROW_FORMAT, rejected, part=part)

    def _names(self, parts: int) -> dict[str, PartOf]:
        """Return the names of partitions' channels, in order, with what their tokens say."""
        return {channel_of(self._spec.load_id, part): self._spec.part(part) for part in range(1, parts + 1)}

    def _open_mark(self, name: str) -> Mark | None:
        """Open a channel: that waits for rows on their way, and fences whoever sends more."""
        return mark_of(self._target.open_channel(name).opened_status, self._spec.load_id)

    def _read(self) -> tuple[Channel, Mark | None]:
        """Open the manifest; refuse what it says of another load than this one."""
        spec = self._spec
        channel = self._target.open_channel(channel_of(spec.load_id, MANIFEST))
        token = channel.opened_status.last_committed_offset_token
        mark = mark_of(channel.opened_status, spec.load_id)
        if mark is None and token is not None:
            raise ChannelError(
                f"channel {channel.name!r} holds offset token {token!r}, which no load has written: use "
                "another load_id",
                channel=channel.name,
            )
        if mark is not None:
            self._compare(mark)
        return channel, mark

    def _compare(self, mark: Mark) -> None:
        if mark.part is None or mark.part.part != MANIFEST or mark.part.parts != self._spec.parts:
            raise self._other(mark.part)
        if mark.position.digest != self._spec.schema:
            raise LoadMismatchError(
                f"load {self._spec.load_id!r} was begun with other columns, types or options of writing, so "
                "nothing was sent; pass the data that it was begun with to go on, and send other data under "
                "another load_id",
                load_id=self._spec.load_id,
            )

    def _other(self, begun: PartOf | None) -> OtherPartsError:
        return other_parts(self._spec.load_id, begun, self._part)

    def _refuse_forgotten(self, channel: Channel, without: Sequence[str]) -> None:
        created_on_ms = channel.opened_status.created_on_ms
        age_s = 0.0 if created_on_ms is None else self._target.clock.now() - created_on_ms / 1000
        if without and age_s > FORGOTTEN_AFTER_S:
            raise forgotten_parts(self._spec.load_id, age_s, without, self._spec.parts)


def _is_done(mark: Mark) -> bool:
    return mark.part is not None and mark.part.done


def _at_once(do: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Do something with several channels at once, in order."""
    with ThreadPoolExecutor(OPENS_AT_ONCE, thread_name_prefix="snowpipe-manifest") as pool:
        return list(pool.map(do, names))
