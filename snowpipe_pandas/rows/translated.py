"""How failures of libraries and of foreign values become errors of ours."""

from __future__ import annotations

from typing import NoReturn

from ..errors import DataError, SnowpipeError


class translated:  # noqa: N801  # it reads as a verb
    """Turns failures of libraries and of foreign values into a DataError that says what could not be read.

    Args:
        what: what is read inside the block.

    Raises:
        DataError: something inside failed with another error than one of this package.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, SnowpipeError):
            _refuse(self._what, error)


def _refuse(what: str, error: Exception) -> NoReturn:
    """Raise the DataError that reports a foreign failure."""
    try:
        text = " ".join(str(error).partition(". Detail: ")[0].split())[:200]  # Arrow adds a traceback
    except Exception:  # noqa: BLE001  # a foreign __str__
        text = ""
    raise DataError(f"{what} can't be read: {type(error).__name__}{': ' if text else ''}{text}") from error
