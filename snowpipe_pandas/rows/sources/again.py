"""A source that can be read a second time, once its load is over: what it gave, and how it was read."""

from __future__ import annotations

import weakref
from typing import Any

from ..encode.cell_location import BinaryFormat
from ..options import Reading
from .paths import names_files
from .source import Source, open_source


class Again:
    """What a load was given, if its rows can be read again: frames, Arrow tables, lists of dicts, files.

    It holds what it was given until `loosen()`, and from then on only as long as somebody else does.
    Nothing is remembered of the rows: they are read as they are then.

    Args:
        given: what the load was given.
        opened: the source that was made of it.
        reading: how it was read.
        binary_format: text form of bytes inside of Python objects.
    """

    def __init__(self, given: Any, opened: Source, reading: Reading, binary_format: BinaryFormat) -> None:
        readable = opened.cuttable or names_files(given)
        self._held: Any = given if readable else None
        self._loose: weakref.ref[Any] | None = None
        self._reading = reading
        self._binary_format: BinaryFormat = binary_format

    @property
    def given(self) -> Any:
        """What the load was given; None where it can't be read again, or is gone."""
        return self._held if self._loose is None else self._loose()

    def loosen(self) -> None:
        """Keep what was given no longer alive; the names of files stay."""
        if self._held is None or names_files(self._held):
            return
        try:
            self._loose = weakref.ref(self._held)
        except TypeError:  # lists and tuples
            self._loose = None
        self._held = None

    def open(self) -> Source | None:
        """Open it as the load did; None where it can't be read again, or is gone.

        Raises:
            DataError: it can't be sent any more.
        """
        given = self.given
        if given is None:
            return None
        return open_source(given, binary_format=self._binary_format, **self._reading)
