"""Checks that a file is still the one that was opened: rows of two versions of it would be neither."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ...errors import DataError
from .paths import shown_path

Stamp: TypeAlias = tuple[int, int, int]
"""A file's inode, size and time of change."""


def stamp_of(path: str) -> Stamp:
    """Return what changes whenever a file does."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def unchanged(path: str, stamp: Stamp | None = None) -> Iterator[None]:
    """Read a file in this block; it must be the same before and after it.

    Raises:
        DataError: it changed, meanwhile or since the stamp was taken.
    """
    stamp = stamp or stamp_of(path)
    _check(path, stamp)
    yield
    _check(path, stamp)


def _check(path: str, stamp: Stamp) -> None:
    if stamp_of(path) != stamp:
        raise DataError(f"the file {shown_path(path)} changed while it was read; read it once it is complete")
