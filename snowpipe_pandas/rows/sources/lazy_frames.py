"""Opens polars' LazyFrame, which is collected a batch at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ..translated import translated
from .arrow import refuse_lies
from .datasets import read
from .parts import Opened

_WHAT = "the LazyFrame"


def is_lazy_frame(source: Any) -> bool:
    """Return whether something is a LazyFrame, without importing polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(source, polars.LazyFrame)


def open_lazy_frame(source: Any) -> Opened:
    """Open a LazyFrame; its plan is run each time its rows are read.

    Raises:
        DataError: its schema can't be determined.
        UnsupportedColumnError: columns whose Arrow form is not the value.
    """
    with translated(_WHAT):
        empty = sys.modules["polars"].DataFrame(schema=source.collect_schema())
    refuse_lies(empty)
    with translated(_WHAT):
        schema = pa.RecordBatchReader.from_stream(empty).schema
    return Opened(schema, None, lambda: read(_WHAT, lambda: _batches(source)))


def _batches(source: Any) -> Iterator[pa.RecordBatch]:
    # Without the method, polars before 1.34 collects the whole result.
    collect = getattr(source, "collect_batches", None)
    frames = collect(maintain_order=True) if collect else [source.collect(engine="streaming")]
    for frame in frames:
        yield from pa.RecordBatchReader.from_stream(frame)
