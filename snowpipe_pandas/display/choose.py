"""Which view a load gets: a widget in Jupyter, a line in a terminal or log, the user's function, or none."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

from ..arguments import flag, plain_text, refuse
from ..errors import UsageError
from ..events import Event, Hub, Listener
from ..streaming.progress import Snapshots
from .kernel import in_notebook
from .ticker import Ticker, View

ShowProgress: TypeAlias = "bool | Literal['auto', 'compact'] | Listener"

_log = logging.getLogger("snowpipe_pandas.display")


def checked_progress(progress: Any) -> ShowProgress:
    """Return `progress` as `displayed` takes it.

    Raises:
        UsageError: it says nothing about what to show.
    """
    match plain_text(progress):
        case "auto":
            return "auto"
        case "compact":
            return "compact"
    if callable(progress):
        listener: Listener = progress
        return listener
    try:
        return flag("progress", progress)
    except UsageError:
        refuse("progress", progress, '"auto", "compact", True, False, or a function that takes events')


def displayed(
    tracker: Snapshots, events: Hub, client: Hub, progress: ShowProgress
) -> AbstractContextManager[object]:
    """Return a context manager that shows a load while its block runs.

    Args:
        tracker: returns the load's state.
        events: what happens to the load.
        client: what happens to its client, and to other loads of it.
        progress: as in `stream()`.
    """
    if progress is False:
        return contextlib.nullcontext()
    if callable(progress):
        return _listening(events, client, progress)
    try:
        view = _view(tracker, compact=progress == "compact")
    except Exception:  # noqa: BLE001  # a display can fail in any way
        _log.warning("the load can't be shown; it runs all the same", exc_info=True)
        view = None
    return contextlib.nullcontext() if view is None else Ticker(view)


@contextlib.contextmanager
def _listening(events: Hub, client: Hub, listener: Listener) -> Iterator[None]:
    """Pass the load's events to a listener, and those of its client that concern no load or channel.

    They come by the load's hub too, so that a listener that fails is removed once, from one place.
    """

    def relay(event: Event) -> None:
        if event.load_id is None and event.channel is None:
            events.emit(event)

    with events.heard_by(listener), client.heard_by(relay):
        yield


def _view(tracker: Snapshots, *, compact: bool) -> View | None:
    if in_notebook():
        from .views import LoadView

        view = LoadView(tracker.snapshot, compact=compact)
        view.show()
        return view
    if sys.stderr is None:  # as under pythonw
        return None
    from .terminal import LogView, TerminalView

    if sys.stderr.isatty():
        return TerminalView(tracker.snapshot)
    return LogView(tracker.snapshot, sys.stderr)
