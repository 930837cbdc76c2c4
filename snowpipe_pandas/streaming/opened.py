"""Opens the source of a load, and makes the encoder of its rows, as the load's options say."""

from __future__ import annotations

from typing import Any

from ..rows.encode.encoder import Encoder
from ..rows.sources.source import Source, open_source
from .options import LoadOptions


def source_of(given: Any, options: LoadOptions) -> Source:
    """Open a source.

    Raises:
        DataError: it can't be sent as it is.
    """
    return open_source(
        given,
        index=options.index,
        columns=options.columns,
        column_case=options.column_case,
        binary_format=options.binary_format,
        patience_s=options.flush_interval_s,
    )


def encoder_of(options: LoadOptions) -> Encoder:
    """Make the encoder of a load with these options."""
    return Encoder(nulls=options.nulls, binary_format=options.binary_format)
