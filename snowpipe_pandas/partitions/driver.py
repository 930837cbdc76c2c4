"""Drives a load in partitions: makes its manifest, takes the receipts, records that it is complete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias, cast

from ..arguments import instance
from ..errors import LoadFacts, LoadIncompleteError, SnowpipeError, UsageError
from ..shown import counted, shown
from ..streaming.parts import channel_of
from ..streaming.result import StreamResult
from ..streaming.totals import added_results, remembered_result
from .aftercare import PartitionsAftercare
from .manifest import Manifest
from .spec import LoadSpec

Outcome: TypeAlias = "StreamResult | BaseException"

MOST_SHOWN = 3
"""The message lists at most this many failures; the error has all of them."""

_log = logging.getLogger("snowpipe_pandas.loads")


def deliver(
    spec: LoadSpec,
    run: Callable[[], Iterable[tuple[int, Outcome]]],
    *,
    again: str = "the same call",
) -> StreamResult:
    """Deliver a load in partitions: let an engine run them all, and trust only their receipts.

    A load that is complete is recognised, and nothing is run. When every partition has given its
    receipt, the manifest says that the load is complete, and the partitions' channels are dropped.

    Args:
        spec: what the load is.
        run: makes the engine call `stream_partition` for each partition, and yields, as they end, a
            partition's number with its receipt or with what it raised. Where it yields one number twice, the
            receipt counts. It is closed when an error says that the same call can't go on.
        again: the line that is to be run again where the load is incomplete.

    Returns:
        What the partitions did together, and each of them in `parts`; a load that was complete already has
        the sums only.

    Raises:
        LoadIncompleteError: partitions failed, or gave no receipt; it has the receipts of the others.
        OtherPartsError: the load was begun in another number of partitions; nothing was run.
        LoadMismatchError: it was begun with other columns; nothing was run.
        ForgottenPartsError: the service may have deleted some of its channels; nothing was run.

    >>> deliver(spec, lambda: ((n, stream_partition(frame, spec, n)) for n, frame in enumerate(frames, 1)))
    """
    spec = instance("spec", spec, LoadSpec, wanted="what LoadSpec.of() returns")
    started = time.monotonic()
    with spec.connect() as client:
        manifest = Manifest(spec.at(client), spec)
        done = manifest.claim()
        if done is not None:
            _drop(manifest, spec)
            first = channel_of(spec.load_id, 1)
            known = remembered_result(done, time.monotonic() - started, target=spec.place, channel=first)
            return replace(known, _aftercare=PartitionsAftercare(spec))
        receipts, failures = _gathered(spec, run())
        if len(receipts) < spec.parts:
            raise _incomplete(spec, receipts, failures, again)
        in_order = [receipts[number] for number in sorted(receipts)]
        result = replace(
            added_results(in_order, time.monotonic() - started), _aftercare=PartitionsAftercare(spec)
        )
        manifest.complete(result.rows_acknowledged, result.rows_rejected)
        _drop(manifest, spec)
    return result


def _gathered(
    spec: LoadSpec, outcomes: Iterable[tuple[int, Outcome]]
) -> tuple[dict[int, StreamResult], dict[int, BaseException]]:
    """Take receipts and failures until all have come, or one says that the same call can't go on."""
    receipts: dict[int, StreamResult] = {}
    failures: dict[int, BaseException] = {}
    try:
        for number, outcome in outcomes:
            problem = _problem(outcome, spec, number)
            if problem is None:
                receipts[number] = cast(StreamResult, outcome)
            else:
                failures[number] = problem
            if not getattr(problem, "goes_on", True):
                break
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()
    return receipts, {number: error for number, error in failures.items() if number not in receipts}


def _problem(outcome: object, spec: LoadSpec, number: int) -> BaseException | None:
    """Return why an outcome is not a receipt of a partition, None if it is one."""
    if isinstance(outcome, BaseException):
        return outcome
    found = outcome if isinstance(outcome, StreamResult) else None
    receipt = None if found is None else (found.load_id, found.channel, found.committed)
    if 1 <= number <= spec.parts and receipt == (spec.load_id, channel_of(spec.load_id, number), True):
        return None
    return UsageError(
        f"partition {number} of {spec.parts} of load {spec.load_id!r} gave {shown(outcome)} instead of its "
        "receipt: yield what stream_partition() returned, with the number that it was called with"
    )


def _drop(manifest: Manifest, spec: LoadSpec) -> None:
    try:
        manifest.drop_parts()
    except SnowpipeError as error:
        _log.warning("load %r is complete, but its channels could not be dropped: %s", spec.load_id, error)


def _incomplete(
    spec: LoadSpec,
    receipts: Mapping[int, StreamResult],
    failures: Mapping[int, BaseException],
    again: str,
) -> LoadIncompleteError:
    reasons = [f"partition {n}: {_in_words(error)}" for n, error in list(failures.items())[:MOST_SHOWN]]
    if len(failures) > MOST_SHOWN:
        reasons.append(f"{len(failures) - MOST_SHOWN:,} more failed")
    if silent := spec.parts - len(receipts) - len(failures):
        reasons.append(f"{counted(silent, 'partition')} gave no receipt")
    goes_on = all(getattr(error, "goes_on", True) for error in failures.values())
    next_step = f"run this again to go on: {again}" if goes_on else "the same call can't go on"
    error = LoadIncompleteError(
        f"load {spec.load_id!r} is not complete: {len(receipts):,} of {counted(spec.parts, 'partition')} are "
        f"in the table; {'; '.join(reasons)}; {next_step}",
        receipts=receipts,
        failures=failures,
        again=again,
    )
    error.goes_on = goes_on
    error.load = _facts(spec, receipts, failures, goes_on=goes_on)
    error.__cause__ = next(iter(failures.values()), None)
    return error


def _facts(
    spec: LoadSpec,
    receipts: Mapping[int, StreamResult],
    failures: Mapping[int, BaseException],
    *,
    goes_on: bool,
) -> LoadFacts:
    """Add up what receipts and errors say; partitions with neither are left out."""
    loads = [getattr(error, "load", None) for error in failures.values()]
    known: list[StreamResult | LoadFacts] = [load for load in loads if isinstance(load, LoadFacts)]
    known += receipts.values()
    return LoadFacts(
        target=spec.place,
        load_id=spec.load_id,
        channel=channel_of(spec.load_id, next(iter(failures), 1)),
        rows_acknowledged=sum(one.rows_acknowledged for one in known),
        rows_in_table=sum(one.rows_in_table for one in known),
        rows_rejected=sum(one.rows_rejected for one in known),
        goes_on=goes_on,
    )


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).rstrip('.') or 'no reason given'}"
