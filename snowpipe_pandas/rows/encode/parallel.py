"""Encodes the batches of a source in worker threads, in order.

Order is kept, memory is bounded, errors of the source are raised at their place, and leaving early stops
the threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

import pyarrow as pa

from ..sources.source import Source

T = TypeVar("T")
R = TypeVar("R")

MAX_WORKERS = 2
"""Threads that encode. One encodes 285 to 650 MB/s, a channel takes 20; each takes 15 to 25 MB of memory."""


def encode_ordered(
    source: Source, encode: Callable[[pa.RecordBatch, int], R], *, workers: int | None = None
) -> Generator[R, None, None]:
    """Yield `encode(batch, first_row)` for each batch of a source, in order.

    Args:
        source: the rows.
        encode: `Encoder.encode`, or what does more with it; it runs in several threads at once.
        workers: number of threads; None takes as many as there are processors, at most `MAX_WORKERS`.
    """
    if workers is None:
        workers = min(MAX_WORKERS, os.cpu_count() or 1)
    batches = _numbered(source)
    first: list[tuple[pa.RecordBatch, int]] = []
    failure: Exception | None = None
    try:
        first.extend(islice(batches, 2))
    except Exception as error:  # noqa: BLE001  # raised below, after the batches before it
        failure = error
    if workers > 1 and len(first) == 2:
        with ThreadPoolExecutor(workers, thread_name_prefix="snowpipe-render") as pool:
            items = chain(first, batches)
            yield from map_ordered(pool, lambda item: encode(*item), items, ahead=workers + 1)
        return
    for batch, first_row in chain(first, batches):
        yield encode(batch, first_row)
    if failure is not None:
        raise failure


def _numbered(source: Source) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield the batches, each with the number of its first row."""
    first_row = 0
    for batch in source.batches():
        yield batch, first_row
        first_row += batch.num_rows


def map_ordered(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], *, ahead: int
) -> Iterator[R]:
    """Yield `function(item)` in the order of `items`, at most `ahead` of them rendered or in work.

    An error of `items` is raised after the results of the items before it.
    """
    pending: deque[Future[R]] = deque()
    source = iter(items)
    failure: Exception | None = None
    more = True
    try:
        while more or pending:
            while more and len(pending) < ahead:
                try:
                    pending.append(pool.submit(function, next(source)))
                except StopIteration:
                    more = False
                except Exception as error:  # noqa: BLE001  # raised below, whatever it is
                    more, failure = False, error
            if pending:
                yield pending.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for future in pending:
            future.cancel()
