"""Which view a load gets: a widget in Jupyter, a line in a terminal or log, the user's function, or none."""

from __future__ import annotations

import contextlib
import logging
import sys
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

from ..arguments import flag, plain_text, refuse
from ..errors import UsageError
from ..events import Event, Hub, Listener
from ..streaming.progress import Tracker
from .kernel import in_notebook
from .ticker import Ticker, View

ShowProgress: TypeAlias = "bool | Literal['auto'] | Listener"

_log = logging.getLogger("snowpipe_pandas.display")


def checked_progress(progress: Any) -> ShowProgress:
    """Return `progress` as `displayed` takes it.

    Raises:
        UsageError: it says nothing about what to show.
    """
    if plain_text(progress) == "auto":
        return "auto"
    if callable(progress):
        listener: Listener = progress
        return listener
    try:
        return flag("progress", progress)
    except UsageError:
        refuse("progress", progress, '"auto", True, False, or a function that takes events')


def displayed(tracker: Tracker, events: Hub, progress: ShowProgress) -> AbstractContextManager[object]:
    """Return a context in which a load is shown; `progress` as in `stream()`."""
    if progress is False:
        return contextlib.nullcontext()
    if callable(progress):
        return events.heard_by(_only(tracker.snapshot().channel, progress))
    try:
        view = _view(tracker)
    except Exception:  # noqa: BLE001  # a display can fail in any way
        _log.warning("the load can't be shown; it runs all the same", exc_info=True)
        view = None
    return contextlib.nullcontext() if view is None else Ticker(view)


def _only(channel: str, listener: Listener) -> Listener:
    """Let through what concerns this channel, or the whole client."""

    def listen(event: Event) -> None:
        if event.channel in (None, channel):
            listener(event)

    return listen


def _view(tracker: Tracker) -> View | None:
    if in_notebook():
        from .widget import LoadView

        view = LoadView(tracker.snapshot)
        view.show()
        return view
    if sys.stderr is None:  # as under pythonw
        return None
    from .terminal import LogView, TerminalView

    if sys.stderr.isatty():
        return TerminalView(tracker.snapshot)
    return LogView(tracker.snapshot, sys.stderr)
