"""`stream()`: from a source of rows to rows in the table, in one call."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any, Literal, Unpack, overload

from ..arguments import flag, instance
from ..display.choose import ShowProgress, checked_progress, displayed
from ..display.kernel import in_notebook
from ..rest.channel import Channel
from ..rows.encode.encoder import Encoder
from ..rows.sources.source import open_source
from ..streaming.load import Load
from ..streaming.options import LoadOptions
from ..streaming.result import StreamResult
from .jobs import Job
from .signature import StreamOptions, takes_load_options

AN_OPEN_CHANNEL = 'an open channel, such as client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")'


@overload
def stream(
    source: Any,
    channel: Channel,
    *,
    background: Literal[False] = ...,
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> StreamResult: ...


@overload
def stream(
    source: Any,
    channel: Channel,
    *,
    background: Literal[True],
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> Job: ...


@overload
def stream(
    source: Any,
    channel: Channel,
    *,
    background: bool = ...,
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> StreamResult | Job: ...


@takes_load_options
def stream(
    source: Any,
    channel: Channel,
    *,
    background: bool = False,
    progress: ShowProgress = "auto",
    **options: Unpack[StreamOptions],
) -> StreamResult | Job:
    """Send every row of `source` through `channel`, once, and wait until they are committed.

    Args:
        source: a pandas DataFrame, anything with `__arrow_c_stream__` (polars, pyarrow, duckdb), an
            iterator of those, or a list of dicts.
        channel: an open channel; this call is its only writer.
        background: return a `Job` at once; the load runs in a thread of its own. Leave the source unchanged
            until it is over.
        progress: "auto" shows a widget in a notebook, a line in a terminal, and a line every ten seconds in a
            log; a job shows itself only where it is displayed. True shows a job at once too, False nothing. A
            function is called with every event of the load, and with those of the whole client
            (`snowpipe_pandas.events`).
        load_id: names the load. The same call after an interruption skips what is committed, checks that
            it is the same rows, and goes on; after success it sends nothing. Default: a fresh id.
        after: the load that this one follows on its channel. A channel remembers one load: where it
            remembers another named one, a named load is refused, since it may have run before that one and
            would then be sent twice; `after` names that load and says that this one is new.
        wait: return once the rows are committed; False returns once they are acknowledged.
        on_error: "raise" raises RowsRejectedError when the service skips rows, "report" only counts them.
        commit_timeout_s: seconds to wait for the commit behind the last row.
        max_in_flight_bytes: most compressed bytes that are sent and not committed; sending waits for commits
            beyond it. Up to three more payloads of at most 4 MB are ready or being prepared meanwhile. The
            default keeps a load below 128 MB; more lets data that hardly compresses go on at full speed
            while the service is slow to commit.
        flush_interval_s: seconds after which rows of a slow source are sent, though they fill no request.
        limits: how large requests become and how patiently the service is watched (`sp.LoadLimits`).
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
        OtherLoadError: the channel remembers another load (`after`); nothing was sent.
        DataError: the source can't be sent as it is. What `.load` reports was sent before that was seen,
            None if nothing was.
        LoadMismatchError: the committed rows of this load were other rows; RowFormatError: they were written
            in another row format, and can't be compared.
        RowsRejectedError, AuditError, CommitTimeoutError, ChannelTakenOverError, ChannelLostError,
            UncommittedRowsError, ThrottledError, AuthenticationError, TransportError, ServiceError,
            LoadCancelledError, ClosedError: delivery stopped. `.load` reports how far it came; the same call
            with its `load_id` goes on there, unless the error says otherwise.
        Exception: what the source itself raised, unchanged.

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
    checked = LoadOptions(**options)
    channel = instance("channel", channel, Channel, wanted=AN_OPEN_CHANNEL)
    rows = open_source(
        source,
        index=checked.index,
        columns=checked.columns,
        column_case=checked.column_case,
        binary_format=checked.binary_format,
        patience_s=checked.flush_interval_s,
    )
    load = Load(rows, Encoder(nulls=checked.nulls, binary_format=checked.binary_format), channel, checked)
    if background:
        return _in_background(load, progress)
    with _displayed(load, progress):
        return load.run()


def _in_background(load: Load, progress: ShowProgress) -> Job:
    """Start a job; a cell shows it where it is displayed, a terminal only if it is told to."""
    quiet = progress == "auto" or (progress is True and in_notebook())
    job = Job(load, contextlib.nullcontext() if quiet else _displayed(load, progress))
    if progress is True and in_notebook():
        job.show()
    return job


def _displayed(load: Load, progress: ShowProgress) -> AbstractContextManager[object]:
    return displayed(load.tracker, load.events, load.channel.events, progress)
