"""Which view a load gets: a widget in Jupyter, a line in a terminal, the user's function, or none."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager
from typing import Literal, TypeAlias

from ..events import Event, Hub, Listener
from ..streaming.progress import Tracker
from .ticker import Ticker, View

ShowProgress: TypeAlias = "bool | Literal['auto'] | Listener"


def displayed(tracker: Tracker, events: Hub, progress: ShowProgress) -> AbstractContextManager[object]:
    """Return a context in which the load is shown; `progress` as in `stream()`."""
    if progress is False:
        return contextlib.nullcontext()
    if callable(progress):
        return events.heard_by(_only(tracker.snapshot().channel, progress))
    return Ticker(tracker, _default_view(tracker))


def _only(channel: str, listener: Listener) -> Listener:
    """Let through what concerns this channel, or the whole client."""

    def listen(event: Event) -> None:
        if event.channel in (None, channel):
            listener(event)

    return listen


def _default_view(tracker: Tracker) -> View:
    if in_notebook():
        from .widget import WidgetView

        return WidgetView(tracker.snapshot())
    from .terminal import TerminalView

    return TerminalView(sys.stderr)


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel (IPython in a terminal is a terminal)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None
