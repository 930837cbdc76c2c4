"""`stream()`: from a source of rows to committed rows, in one call.

    source -> record batches -> NDJSON (worker threads) -> payloads (one thread) -> appends (this thread)

While one append is on its way, the next payloads are rendered and compressed. All memory beyond the
source itself is bounded: a few batches, two ready payloads, and the payloads not committed yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from ..display.choose import displayed
from ..errors import LoadFacts, SnowpipeError, UnknownColumnError, UsageError
from ..rest.channel import COMMIT_TIMEOUT_S, Channel
from ..rows.ndjson import Encoder, Nulls
from ..rows.payloads import pack
from ..rows.place import BinaryFormat
from ..rows.source import ColumnCase, Source, open_source
from ..rows.targets import find_problems
from .delivery import Delivery, OnError
from .offsets import check_load_id, format_token, new_load_id
from .pipeline import Prefetch, map_ordered
from .progress import Listener, Tracker
from .result import StreamResult

MAX_WORKERS = 8
READY_PAYLOADS = 2
"""Payloads prepared beyond the one on its way (at most 4 MB each)."""

ShowProgress = bool | Listener


def stream(
    source: Any,
    channel: Channel,
    *,
    load_id: str | None = None,
    wait: bool = True,
    on_error: OnError = "raise",
    progress: ShowProgress = True,
    commit_timeout_s: float = COMMIT_TIMEOUT_S,
    index: bool = False,
    columns: Mapping[str, str] | None = None,
    column_case: ColumnCase = "keep",
    nulls: Nulls = "emit",
    binary_format: BinaryFormat = "base64",
) -> StreamResult:
    """Send every row of `source` through `channel`, once, and wait until they are committed.

    Args:
        source: a pandas DataFrame, anything with `__arrow_c_stream__` (polars, pyarrow, duckdb), an
            iterator of those, or a list of dicts.
        channel: an open channel; this call is its only writer.
        load_id: names the load. The same call after an interruption skips what is committed, checks that
            it is the same rows, and goes on; after success it sends nothing. Default: a fresh id.
        wait: return once the rows are committed; False returns once they are acknowledged.
        on_error: "raise" raises RowsRejectedError when the service skips rows, "report" only counts them.
        progress: True shows a widget in a notebook or a line in a terminal, False nothing; a function is
            called with `Progress` snapshots.
        commit_timeout_s: seconds to wait for the commit behind the last row.
        index: send the frame's index as columns too.
        columns: new names for columns, `{"old": "NEW"}`.
        column_case: "upper" folds the names as unquoted SQL does.
        nulls: "emit" writes nulls, "omit" leaves their keys out.
        binary_format: text form of bytes; the default pipe reads base64.

    Returns:
        What was done, with a line for terminals and a table for notebooks.

    Raises:
        DataError: the source can't be sent as it is; nothing was sent.
        LoadMismatchError: the committed rows of this load were other rows.
        RowsRejectedError, CommitTimeoutError, ChannelTakenOverError, AuthenticationError, TransportError:
            delivery stopped. `.load` tells how far it came; the same call with its `load_id` goes on there.

    Errors and recovery:
        Lost answers, time-outs, throttling and stale tokens are dealt with inside the call. What is raised
        needs you, and says how far the load came.

    Performance:
        Rendering uses all cores; one append is in flight per channel, as the protocol demands. Use several
        channels for more than one channel's 20 MB/s.

    >>> result = sp.stream(frame, channel, load_id="flights-2013")
    >>> print(result)
    """
    chosen_id = new_load_id() if load_id is None else check_load_id(load_id)
    if on_error not in ("raise", "report"):
        raise UsageError(f'on_error={on_error!r} is neither "raise" nor "report"')
    rows = open_source(source, index=index, columns=columns, column_case=column_case)
    encoder = Encoder(nulls=nulls, binary_format=binary_format)
    check_target(rows.schema, channel)
    tracker = Tracker(
        load_id=chosen_id,
        channel=channel.name,
        user=channel.user,
        token_expires_in_s=lambda: channel.token_expires_in_s,
    )
    tracker.rows_total = rows.total_rows
    with displayed(tracker, progress):
        return _run(rows, encoder, channel, tracker, on_error, commit_timeout_s if wait else None)


def _run(
    rows: Source,
    encoder: Encoder,
    channel: Channel,
    tracker: Tracker,
    on_error: OnError,
    commit_timeout_s: float | None,
) -> StreamResult:
    """Deliver the rows; whatever ends this early carries how far the load came."""
    delivery: Delivery | None = None
    try:
        delivery = Delivery(channel, tracker.load_id, tracker, on_error=on_error)
        tracker.rows_skipped = tracker.rows_committed = delivery.start.rows
        tracker.enter("sending")
        _send_all(delivery, rows, encoder)
        if commit_timeout_s is not None:
            tracker.enter("committing")
            delivery.finish(timeout_s=commit_timeout_s)
        tracker.enter("done")
    except BaseException as error:
        tracker.enter("failed", _first_sentence(error))
        if delivery is not None:
            _explain(error, delivery, tracker)
        raise
    return _result(delivery, tracker)


def _send_all(delivery: Delivery, rows: Source, encoder: Encoder) -> None:
    workers = min(MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="snowpipe-render") as pool:
        encoded = map_ordered(pool, lambda item: encoder.encode(*item), _numbered(rows), ahead=workers + 1)
        start = delivery.start
        payloads = pack(encoded, load_id=delivery.load_id, skip_rows=start.rows, skip_digest=start.digest)
        with Prefetch(payloads, depth=READY_PAYLOADS) as ready:
            for payload in ready:
                delivery.send(payload)


def _numbered(rows: Source) -> Iterator[tuple[pa.RecordBatch, int]]:
    first_row = 0
    for batch in rows.batches():
        yield batch, first_row
        first_row += batch.num_rows


def check_target(schema: pa.Schema, channel: Channel) -> None:
    """Refuse columns which the target table surely has not; a service that does not tell its columns passes.

    Raises:
        UnknownColumnError: names the columns, and what they may have been meant to be.
    """
    if not channel.target_columns:
        return
    unknown = [p for p in find_problems(schema, channel.target_columns) if p.kind == "unknown"]
    if unknown:
        raise UnknownColumnError(
            f"the target of {channel.pipe} has {', '.join(map(str, unknown))} "
            "(rename with columns={...} or leave them out)",
            columns=[problem.column for problem in unknown],
            target=str(channel.pipe),
        )


def _explain(error: BaseException, delivery: Delivery, tracker: Tracker) -> None:
    """Attach how far the load came, to our exceptions also as facts."""
    facts = LoadFacts(tracker.load_id, tracker.channel, delivery.acknowledged.rows, delivery.committed.rows)
    if isinstance(error, SnowpipeError):
        error.load = facts
    error.add_note(str(facts))


def _first_sentence(error: BaseException) -> str:
    return (str(error) or type(error).__name__).split("; ")[0][:120]


def _result(delivery: Delivery, tracker: Tracker) -> StreamResult:
    shown = tracker.snapshot()
    end = delivery.acknowledged
    return StreamResult(
        rows=shown.rows_sent,
        rows_skipped=shown.rows_skipped,
        rows_rejected=shown.rows_rejected,
        raw_bytes=shown.raw_bytes,
        sent_bytes=shown.sent_bytes,
        requests=shown.requests,
        retries=shown.retries,
        seconds=shown.seconds,
        committed=delivery.committed == end,
        offset_token=format_token(tracker.load_id, end) if end.rows else None,
        load_id=tracker.load_id,
        channel=tracker.channel,
    )
