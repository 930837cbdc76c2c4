"""`stream()`: from a source of rows to rows in the table, in one call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Literal, Unpack, overload

from ..arguments import flag
from ..display.choose import ShowProgress, checked_progress, displayed
from ..display.kernel import in_notebook
from ..errors import UsageError
from ..rest.channel import Channel
from ..rest.client import Client
from ..rest.target import Target
from ..rows.encode.encoder import Encoder
from ..rows.sources.source import Source
from ..sql.table import Table
from ..streaming.elastic_load import ElasticLoad
from ..streaming.load import Load
from ..streaming.load_ids import new_load_id
from ..streaming.opened import encoder_of, source_of
from ..streaming.options import LoadOptions
from ..streaming.preflight import Preflight
from ..streaming.replacement import Replacement, staging_name
from ..streaming.result import StreamResult
from ..streaming.target_load import TargetLoad
from ..tracebacks import ShortInterrupts
from .aftercare import LoadAftercare
from .jobs import Job
from .runnable import Runnable
from .signature import StreamOptions, refuse_unknown, takes_load_options
from .targets import AnyTarget, name_of, resolved

_DEFAULTS = LoadOptions()


@overload
def stream(
    source: Any,
    target: AnyTarget | str,
    *,
    client: Client | None = ...,
    background: Literal[False] = ...,
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> StreamResult: ...


@overload
def stream(
    source: Any,
    target: AnyTarget | str,
    *,
    client: Client | None = ...,
    background: Literal[True],
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> Job: ...


@overload
def stream(
    source: Any,
    target: AnyTarget | str,
    *,
    client: Client | None = ...,
    background: bool = ...,
    progress: ShowProgress = ...,
    **options: Unpack[StreamOptions],
) -> StreamResult | Job: ...


@takes_load_options
def stream(
    source: Any,
    target: AnyTarget | str,
    *,
    client: Client | None = None,
    background: bool = False,
    progress: ShowProgress = "auto",
    **options: Unpack[StreamOptions],
) -> StreamResult | Job:
    """Put every row of `source` into `target`, once, and wait until they are committed.

    Args:
        source: a pandas DataFrame; anything with `__arrow_c_stream__` (polars, pyarrow, duckdb); an iterator
            of those; a list of dicts; a `polars.LazyFrame`; or files: a path, a folder, a pattern
            ("data/*.parquet") or a list of them, Parquet, CSV, Arrow IPC or NDJSON (docs/sources.md).
        target: a table or pipe of a client (`client.table("DEMO.PUBLIC.FLIGHTS")`), in which the load opens
            channels of its own, named after `load_id`; or the table's name, together with `client`; or an
            open channel, whose only writer this call is.
        client: the client of a table that is named by a text.
        background: return a `Job` at once; the load runs in a thread of its own. Leave the source unchanged
            until it is over.
        progress: "auto" shows a widget in a notebook, a line in a terminal, and a line every ten seconds in a
            log; a job shows itself only where it is displayed. "compact" is the same in one line, as tqdm's:
            a notebook's view then has no details to open. True shows a job at once too, False nothing. A
            function is called with every event of the load, and with those of the whole client
            (`snowpipe_pandas.events`).
        load_id: names the load. The same call after an interruption skips what is committed, checks that
            it is the same rows, and goes on; after success it sends nothing. Default: a fresh id.
        after: on an open channel, the load that this one follows there. A channel remembers one load: where
            it remembers another named one, a named load is refused, since it may have run before that one and
            would then be sent twice; `after` names that load and says that this one is new.
        channels: how many channels a load into a table or pipe uses at once; "auto" takes as many as its
            size is worth, at most 8. Rows are cut into as many parts of consecutive rows, each in order and
            resumed by itself; a load goes on with as many as it began with. A source that gives its rows
            in order, once, such as an iterator, uses one.
        drop_when_done: drop the channels of a load into a table or pipe once all is committed. The load
            can no longer be recognised: run again, it sends its rows again. Without it the service keeps
            the channels until they have not been used for 30 days.
        delivery: "at-least-once" sends through the elastic channel of a table or pipe: several requests at
            once, in no order, faster where an answer takes long. A row may come twice where an answer was
            lost; `result.possible_duplicates` says which. Such a load can't be resumed.
        create: make the table by SQL if it is missing, with the columns of the source and an error table; one
            that is there is never changed.
        if_exists: "append" adds the rows to those of the table. "replace" loads a table beside it, counts
            that, and swaps the two: until then the old rows are there, and whatever fails leaves them. It
            needs SQL with a warehouse, and the ownership of the table (docs/sql.md).
        on_new_columns: "error" refuses a column that the table lacks, before anything is sent. "evolve"
            sends it if the table has ENABLE_SCHEMA_EVOLUTION = TRUE: the service then adds the column.
        wait: return once the rows are committed; False returns once they are acknowledged.
        on_error: "raise" raises RowsRejectedError when the service skips rows, "report" only counts them.
        commit_timeout_s: seconds to wait for the commit after the last row.
        max_in_flight_bytes: most compressed bytes that are sent and not committed; sending waits for commits
            beyond it. Up to three more payloads of at most 4 MB are ready or being prepared meanwhile. The
            default keeps a load through one channel below 128 MB; more lets data that hardly compresses go
            on at full speed while the service is slow to commit. Several channels share it, but each has at
            least 8 MB, and about 20 MB with what it is preparing.
        flush_interval_s: seconds after which rows of a slow source are sent, though they fill no request.
        limits: how large requests become, and how often and how long the service is polled (`sp.LoadLimits`).
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
        OtherPartsError: the load was begun with another number of channels, or of rows; nothing was sent.
        ForgottenPartsError: the service may have forgotten some of its channels; nothing was sent.
        ColumnMismatchError: the table lacks columns of the source (UnknownColumnError), or takes none of
            their values; nothing was sent. The columns come from the open of a channel, else from SQL;
            where they can't be read, the load goes on without this.
        CreateTableError: `create=True`, and the table can't be made by SQL; has the statement to run.
        ReplaceTableError: `if_exists="replace"`, and the table is as it was, unless the message says more.
        DataError: the source can't be sent as it is. `.load` reports what was sent before that was seen, and
            is None if nothing was.
        LoadMismatchError: the committed rows of this load were other rows; RowFormatError: they were written
            in another row format, and can't be compared.
        SnowpipeError: delivery stopped: RowsRejectedError, AuditError, CommitTimeoutError,
            ChannelTakenOverError, ChannelLostError, UncommittedRowsError, ThrottledError,
            AuthenticationError, TransportError, ServiceError, LoadCancelledError or ClosedError. `.load`
            reports how far it came; the same call with its `load_id` goes on there, unless the error says
            otherwise.
        Exception: what the source itself raised, unchanged.

    Errors and recovery:
        Lost answers, time-outs, throttling and stale tokens are dealt with inside the call. An error that is
        raised needs your decision, and says how far the load came.

    Performance:
        Rendering uses two threads, many times what a channel takes; one append is in flight per channel, as
        the protocol demands. Use `channels` for more than one channel's 20 MB/s.

    >>> result = sp.stream(frame, client.table("DEMO.PUBLIC.FLIGHTS"), load_id="flights-2013")
    >>> print(result)
    >>> job = sp.stream("data/*.parquet", "DEMO.PUBLIC.FLIGHTS", client=client, background=True)
    """
    refuse_unknown(options, stream)
    background, progress = flag("background", background), checked_progress(progress)
    checked = LoadOptions(**options)
    resolved_target = resolved(target, client)
    rows = source_of(source, checked)
    if isinstance(resolved_target, Target) and resolved_target.create:
        checked = replace(checked, create=True)
    try:
        load = _load(rows, resolved_target, checked)
    except BaseException:
        rows.close()
        raise
    run = LoadAftercare(load, resolved_target, checked, source, rows, stream).run
    if background:
        return _in_background(load, run, progress)
    with ShortInterrupts(), _displayed(load, progress):
        return run()


def _load(rows: Source, target: AnyTarget, options: LoadOptions) -> Runnable:
    """Make the load.

    Raises:
        UsageError: an option means nothing to such a target.
    """
    encoder = encoder_of(options)
    name = name_of(target)
    table = None if name.table is None else Table(target.door, name.table)
    preflight = Preflight(name, table, options)
    if table is None:
        _refuse(
            options, ("create", "if_exists"), "a pipe fills a table that is there; name that table instead"
        )
    if isinstance(target, Target) and options.delivery == "exactly-once":
        _refuse(options, ("after",), "a load into a table has channels of its own; leave it out")
        if options.if_exists == "replace" and table is not None:
            return _replacing(rows, encoder, target, table, options, preflight)
        return TargetLoad(rows, encoder, target, options, preflight)
    if isinstance(target, Channel):
        what = f"pass a table instead of an open channel, such as client.table({str(target.target)!r})"
        _refuse(options, ("create", "if_exists", "channels", "drop_when_done", "delivery"), what)
        return Load(rows, encoder, target, options, preflight=preflight)
    _refuse(
        options,
        ("after", "channels", "drop_when_done", "if_exists"),
        "rows at least once go through no named channel",
    )
    elastic = target.elastic() if isinstance(target, Target) else target
    return ElasticLoad(rows, encoder, elastic, options, preflight)


def _replacing(
    rows: Source, encoder: Encoder, target: Target, table: Table, options: LoadOptions, preflight: Preflight
) -> TargetLoad:
    """Make a load into a table of its own, which takes the place of the target's."""
    load_id = options.load_id or new_load_id()
    staging = staging_name(table.name, load_id)
    replacement = Replacement(table, Table(target.door, staging), load_id)
    named = replace(options, load_id=load_id)
    return TargetLoad(rows, encoder, target.beside(staging), named, preflight, replacement)


def _refuse(options: LoadOptions, names: Sequence[str], why: str) -> None:
    """Refuse options that were given and mean nothing here.

    Raises:
        UsageError: one of them was.
    """
    for name in names:
        value = getattr(options, name)
        if value != getattr(_DEFAULTS, name):
            raise UsageError(f"{name}={value!r} does not go with this target: {why}")


def _in_background(load: Runnable, run: Callable[[], StreamResult], progress: ShowProgress) -> Job:
    """Start a job; a cell shows it where it is displayed, a terminal only if asked to."""
    quiet = progress in ("auto", "compact") or (progress is True and in_notebook())
    shown = contextlib.nullcontext() if quiet else _displayed(load, progress)
    job = Job(load, run, shown, compact=progress == "compact")
    if progress is True and in_notebook():
        job.show()
    return job


def _displayed(load: Runnable, progress: ShowProgress) -> AbstractContextManager[object]:
    return displayed(load.tracker, load.events, load.client_events, progress)
