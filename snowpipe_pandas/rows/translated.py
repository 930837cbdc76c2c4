"""How failures of libraries and of foreign values become errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..errors import DataError, SnowpipeError


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn failures of libraries and of foreign values into a DataError that says what could not be read.

    Raises:
        DataError: something inside failed with another error than one of this package.
    """
    try:
        yield
    except SnowpipeError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever foreign code raises, it leaves as ours
        _refuse(what, error)


def _refuse(what: str, error: Exception) -> NoReturn:
    """Raise the DataError that tells a foreign failure."""
    try:
        told = " ".join(str(error).partition(". Detail: ")[0].split())[:200]  # Arrow adds a traceback
    except Exception:  # noqa: BLE001  # a foreign __str__
        told = ""
    raise DataError(f"{what} can't be read: {type(error).__name__}{': ' if told else ''}{told}") from error
