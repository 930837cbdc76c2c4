"""What IPython and Jupyter show of an error: the user's own lines and the message, not the package's frames.

IPython gets an error's traceback from its `_render_traceback_`, if it has one. `%xmode Verbose` still shows
every frame, and plain Python does not call it.
"""

from __future__ import annotations

import copy
import sys
import traceback
from functools import partial
from types import TracebackType
from typing import Any

from .shown import cleaned

PACKAGE = __name__.partition(".")[0]
CAUSE_CHARACTERS = 200

_ALL_FRAMES = "Verbose"


def rendered(error: BaseException) -> list[str]:
    """Return the traceback of an error for IPython to show, in the mode that `%xmode` has set.

    Frames stop before the first one of this package, which the user has called. Of the errors that led to it
    only the direct cause is kept, as a note of one line.
    """
    shell = ipython_shell()
    if shell is None:
        return traceback.format_exception(error)
    frames = error.__traceback__
    if shell.InteractiveTB.mode != _ALL_FRAMES:
        error, frames = _alone(error), _users(frames)
    lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, frames)
    return lines


class ShortInterrupts:
    """A context in which an interrupt is shown like the package's own errors; it propagates unchanged."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        # Only in IPython, which keeps its last error anyway: from here on the error refers to itself.
        if isinstance(error, KeyboardInterrupt) and ipython_shell() is not None:
            error._render_traceback_ = partial(rendered, error)  # type: ignore[attr-defined]


def ipython_shell() -> Any:
    """Return IPython's shell; None in plain Python, where IPython is not even loaded."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _alone(error: BaseException) -> BaseException:
    """Return a copy of an error, to be shown without the errors that led to it."""
    lone, cause = copy.copy(error), error.__cause__
    if cause is not None and (words := _words(cause)) not in str(error):
        # A new list: a copy shares everything with the error.
        lone.__notes__ = [*getattr(error, "__notes__", ()), f"caused by {type(cause).__name__}: {words}"]
    return lone


def _words(cause: BaseException) -> str:
    try:
        return cleaned(str(cause), CAUSE_CHARACTERS)
    except Exception:  # noqa: BLE001  # a foreign __str__
        return "no words"


def _users(frames: TracebackType | None) -> TracebackType | None:
    """Return the frames before the first one of this package."""
    kept = []
    while frames is not None and not _is_ours(frames):
        kept.append(frames)
        frames = frames.tb_next
    users: TracebackType | None = None
    for frame in reversed(kept):
        users = TracebackType(users, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return users


def _is_ours(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] == PACKAGE
