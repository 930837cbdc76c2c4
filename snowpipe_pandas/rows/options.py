"""How a source is read and its rows are written: the options of the public entries, parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from ..arguments import choice, flag, texts_by_text
from .encode.cell_location import BINARY_FORMATS, BinaryFormat
from .encode.encoder import Nulls
from .sources.names import ColumnCase

_RENAMING = 'a mapping of old to new names, such as columns={"old": "NEW"}'


class Reading(TypedDict):
    """What `open_source` takes besides the source."""

    index: bool
    columns: Mapping[str, str] | None
    column_case: ColumnCase


class Writing(TypedDict):
    """What `Encoder` takes."""

    nulls: Nulls
    binary_format: BinaryFormat


def reading(*, index: bool, columns: Mapping[str, str] | None, column_case: ColumnCase) -> Reading:
    """Check how a source is to be read; the names in it are checked when it is opened.

    Raises:
        UsageError: an option has an invalid value.
    """
    return Reading(
        index=flag("index", index),
        columns=None if columns is None else texts_by_text("columns", columns, wanted=_RENAMING),
        column_case=choice("column_case", column_case, ("keep", "upper")),
    )


def writing(*, nulls: Nulls, binary_format: BinaryFormat) -> Writing:
    """Check how rows are to be written.

    Raises:
        UsageError: an option has an invalid value.
    """
    return Writing(
        nulls=choice("nulls", nulls, ("emit", "omit")),
        binary_format=choice("binary_format", binary_format, BINARY_FORMATS),
    )
