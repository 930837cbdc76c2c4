"""`stream()`: from a source of rows to committed rows, in one call."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal, TypedDict, Unpack, overload

from ..arguments import choice, flag, instance, number, whole
from ..display.choose import ShowProgress, checked_progress, displayed
from ..display.kernel import in_notebook
from ..rest.channel import COMMIT_TIMEOUT_S, Channel
from ..rows.encode.cell_location import BinaryFormat
from ..rows.encode.encoder import Encoder, Nulls
from ..rows.options import reading, writing
from ..rows.sources.names import ColumnCase
from ..rows.sources.source import open_source
from .delivery import MAX_IN_FLIGHT_BYTES, OnError
from .job import Job
from .load import Load
from .offsets import check_load_id, new_load_id
from .result import StreamResult


class StreamOptions(TypedDict, total=False):
    """The options of `stream()`, for its overloads; their meaning and defaults stand there."""

    load_id: str | None
    wait: bool
    on_error: OnError
    progress: ShowProgress
    commit_timeout_s: float
    max_in_flight_bytes: int
    index: bool
    columns: Mapping[str, str] | None
    column_case: ColumnCase
    nulls: Nulls
    binary_format: BinaryFormat


class Delivering(TypedDict):
    """How a load is delivered, as `Load` takes it."""

    load_id: str
    on_error: OnError
    commit_timeout_s: float | None
    max_in_flight_bytes: int


AN_OPEN_CHANNEL = 'an open channel, such as client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")'


@overload
def stream(
    source: Any, channel: Channel, *, background: Literal[False] = ..., **options: Unpack[StreamOptions]
) -> StreamResult: ...


@overload
def stream(
    source: Any, channel: Channel, *, background: Literal[True], **options: Unpack[StreamOptions]
) -> Job: ...


@overload
def stream(
    source: Any, channel: Channel, *, background: bool = ..., **options: Unpack[StreamOptions]
) -> StreamResult | Job: ...


def stream(
    source: Any,
    channel: Channel,
    *,
    load_id: str | None = None,
    background: bool = False,
    wait: bool = True,
    on_error: OnError = "raise",
    progress: ShowProgress = "auto",
    commit_timeout_s: float = COMMIT_TIMEOUT_S,
    max_in_flight_bytes: int = MAX_IN_FLIGHT_BYTES,
    index: bool = False,
    columns: Mapping[str, str] | None = None,
    column_case: ColumnCase = "keep",
    nulls: Nulls = "emit",
    binary_format: BinaryFormat = "base64",
) -> StreamResult | Job:
    """Send every row of `source` through `channel`, once, and wait until they are committed.

    Args:
        source: a pandas DataFrame, anything with `__arrow_c_stream__` (polars, pyarrow, duckdb), an
            iterator of those, or a list of dicts.
        channel: an open channel; this call is its only writer.
        load_id: names the load. The same call after an interruption skips what is committed, checks that
            it is the same rows, and goes on; after success it sends nothing. Default: a fresh id.
        background: return a `Job` at once; the load runs in a thread of its own. Leave the source unchanged
            until it is over.
        wait: return once the rows are committed; False returns once they are acknowledged.
        on_error: "raise" raises RowsRejectedError when the service skips rows, "report" only counts them.
        progress: "auto" shows a widget in a notebook, a line in a terminal, and a line every ten seconds in a
            log; a job shows itself only where it is displayed. True shows a job at once too, False nothing. A
            function is called with every event of the load and its client (`snowpipe_pandas.events`).
        commit_timeout_s: seconds to wait for the commit behind the last row.
        max_in_flight_bytes: most compressed bytes that are sent and not committed; sending waits for commits
            beyond it. Up to three more payloads of at most 4 MB are ready or being prepared meanwhile. The
            default keeps a load below 128 MB; more lets data that hardly compresses go on at full speed
            while the service is slow to commit.
        index: send the frame's index as columns too.
        columns: new names for columns, `{"old": "NEW"}`.
        column_case: "upper" folds the names as unquoted SQL does.
        nulls: "emit" writes nulls, "omit" leaves their keys out.
        binary_format: text form of bytes; the default pipe reads base64.

    Returns:
        What was done, with a line for terminals and a table for notebooks; with `background=True` a `Job`,
        whose `result()` returns or raises that.

    Raises:
        UsageError: an argument can't be used; nothing was read or sent.
        DataError: the source can't be sent as it is; nothing was sent.
        LoadMismatchError: the committed rows of this load were other rows.
        RowsRejectedError, AuditError, CommitTimeoutError, ChannelTakenOverError, ChannelLostError,
            UncommittedRowsError, ThrottledError, AuthenticationError, TransportError, ServiceError:
            delivery stopped. `.load` tells how far it came; the same call with its `load_id` goes on there.

    Errors and recovery:
        Lost answers, time-outs, throttling and stale tokens are dealt with inside the call. What is raised
        needs you, and says how far the load came.

    Performance:
        Rendering uses two threads, many times what a channel takes; one append is in flight per channel, as
        the protocol demands. Use several channels for more than one channel's 20 MB/s.

    >>> result = sp.stream(frame, channel, load_id="flights-2013")
    >>> print(result)
    """
    background, progress = flag("background", background), checked_progress(progress)
    read = reading(index=index, columns=columns, column_case=column_case)
    write = writing(nulls=nulls, binary_format=binary_format)
    delivery = _delivery(load_id, on_error, wait, commit_timeout_s, max_in_flight_bytes)
    channel = instance("channel", channel, Channel, wanted=AN_OPEN_CHANNEL)
    rows = open_source(source, binary_format=write["binary_format"], **read)
    load = Load(rows, Encoder(**write), channel, **delivery)
    if background:
        return _in_background(load, progress)
    with displayed(load.tracker, channel.events, progress):
        return load.run()


def _delivery(
    load_id: str | None, on_error: OnError, wait: bool, commit_timeout_s: float, max_in_flight_bytes: int
) -> Delivering:
    """Check how rows are to be delivered."""
    timeout_s = number("commit_timeout_s", commit_timeout_s, example="commit_timeout_s=300")
    return Delivering(
        load_id=new_load_id() if load_id is None else check_load_id(load_id),
        on_error=choice("on_error", on_error, ("raise", "report")),
        commit_timeout_s=timeout_s if flag("wait", wait) else None,
        max_in_flight_bytes=whole(
            "max_in_flight_bytes", max_in_flight_bytes, low=1, example="max_in_flight_bytes=134217728"
        ),
    )


def _in_background(load: Load, progress: ShowProgress) -> Job:
    """Start a job; a cell shows it where it is displayed, a terminal only if it is told to."""
    quiet = progress == "auto" or (progress is True and in_notebook())
    shown = contextlib.nullcontext() if quiet else displayed(load.tracker, load.channel.events, progress)
    job = Job(load, shown)
    if progress is True and in_notebook():
        job.show()
    return job
