"""A source that can be read a second time after its load: what was given, and how it was read."""

from __future__ import annotations

import weakref
from typing import Any

from ..encode.cell_location import BinaryFormat
from ..options import Reading
from .paths import names_files
from .source import Source, open_source


class Again:
    """What a load was given, if its rows can be read again: frames, Arrow tables, lists of dicts, files.

    It keeps what it was given alive until `loosen()`, and from then on holds only a weak reference.
    No rows are remembered: they are read as they are then.

    Args:
        given: what the load was given.
        opened: the source that was made from it.
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
        """What the load was given; None if it can't be read again, or no longer exists."""
        return self._held if self._loose is None else self._loose()

    def loosen(self) -> None:
        """Stop keeping what was given alive; names of files are kept."""
        if self._held is None or names_files(self._held):
            return
        try:
            self._loose = weakref.ref(self._held)
        except TypeError:  # lists and tuples
            self._loose = None
        self._held = None

    def open(self) -> Source | None:
        """Open it as the load did; None if it can't be read again, or no longer exists.

        Raises:
            DataError: it can no longer be sent.
        """
        given = self.given
        if given is None:
            return None
        return open_source(given, binary_format=self._binary_format, **self._reading)
