"""Which view a load gets: a widget in Jupyter, a line in a terminal, the user's function, or none."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager

from ..streaming.progress import Listener, Tracker
from .ticker import CallbackView, Ticker, View


def displayed(tracker: Tracker, progress: bool | Listener) -> AbstractContextManager[object]:
    """Return a context in which the load is shown; `progress` as in `stream()`."""
    if progress is False:
        return contextlib.nullcontext()
    return Ticker(tracker, CallbackView(progress) if callable(progress) else _default_view(tracker))


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
