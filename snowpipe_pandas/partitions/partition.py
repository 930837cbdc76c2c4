"""Delivers one partition of a load, wherever its engine has put it: the one function that engines call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, TypeAlias

from ..arguments import instance, whole
from ..events import Event
from ..streaming.load import Load
from ..streaming.parts import channel_of
from ..streaming.progress import Progress
from ..streaming.result import StreamResult
from .manifest import Manifest
from .spec import LoadSpec

PartitionListener: TypeAlias = Callable[[Event, Progress], object]
"""Is called with an event of a partition, and the partition's progress then."""


def stream_partition(
    data: Any, spec: LoadSpec, number: int, on_event: PartitionListener | None = None
) -> StreamResult:
    """Put every row of a partition into the load's table, once, and wait until they are committed.

    It may run any number of times, one after the other or at once, on any machine: the partition's channel
    says what is committed, and has one writer, the last that opened it. The others raise.

    Args:
        data: the partition's rows, in an order that is the same in every run; anything `stream()` takes.
        spec: what the driver made.
        number: the partition's number, from 1 on, the same in every run.
        on_event: is called with each event of the partition.

    Returns:
        The receipt: every row of the partition is in the table, or counted as rejected. It can be pickled.

    Raises:
        UsageError: the load was not begun by `deliver`, or is complete.
        OtherPartsError: it was begun in another number of partitions; nothing was sent.
        LoadMismatchError: its committed rows are other rows; nothing was sent.
        ChannelTakenOverError: the partition runs a second time, elsewhere.
        ConfigError: the settings of this machine lead nowhere, or to another account.
        SnowpipeError: whatever else ends a load. The same call goes on.

    >>> receipt = stream_partition(frame, spec, 3)
    """
    spec = instance("spec", spec, LoadSpec, wanted="what LoadSpec.of() returns")
    number = whole("number", number, low=1, high=spec.parts, example="number=1")
    rows = spec.source(data)
    with closing(rows), spec.connect() as client:
        target = spec.at(client)
        channel = target.open_channel(channel_of(spec.load_id, number))
        # Read after the open. Whoever sets the manifest looks for channels after that: one sees the other.
        Manifest(target, spec).check_open()
        load = Load(rows, spec.encoder(), channel, spec.options, part=spec.part(number))
        if on_event is None:
            return load.run()
        with load.events.heard_by(partial(_emit, on_event, load)):
            return load.run()


def _emit(on_event: PartitionListener, load: Load, event: Event) -> None:
    on_event(event, load.tracker.snapshot())
