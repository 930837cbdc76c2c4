"""Which front end this code runs for: a page that shows live views (Jupyter, marimo), or text alone.

`rest/` imports no display. A kernel is given the client's class by name, so that importing the package
loads neither.
"""

from __future__ import annotations

import sys
from typing import Any

from ..tracebacks import ipython_shell

CLIENT = ("snowpipe_pandas.rest.client", "Client")
NOBODY = ("", "username")
"""How pages name their user in messages; a program in a terminal takes the system's name."""


def in_notebook() -> bool:
    """Whether views can be shown in cells."""
    return in_jupyter() or in_marimo()


def in_jupyter() -> bool:
    """Whether this code runs in a Jupyter kernel, for a page or a program that runs notebooks.

    IPython in a terminal is a terminal, and so is `jupyter console`, which shows no widget.
    """
    kernel = getattr(ipython_shell(), "kernel", None)
    return kernel is not None and not _asked_by_a_console(kernel)


def in_marimo() -> bool:
    """Whether this code runs in a cell of a marimo notebook (one that runs as a script is a script)."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def _asked_by_a_console(kernel: Any) -> bool:
    """Whether the cell that runs was typed in a terminal.

    A console does not identify itself. But it takes input, which programs that run notebooks do not; it names
    no cell, which pages do; and it names the system's user, which older pages do not.
    """
    parent_of = getattr(kernel, "get_parent", None)  # not every kernel is ipykernel 6 or newer
    asked = (parent_of and parent_of("shell")) or {}
    content, header = asked.get("content", {}), asked.get("header", {})
    named = header.get("username", "") not in NOBODY
    return bool(content.get("allow_stdin")) and named and not asked.get("metadata")


def register() -> None:
    """Make a client show its card as a cell's last value; does nothing outside of a kernel."""
    if in_jupyter():
        ipython_shell().display_formatter.ipython_display_formatter.for_type_by_name(*CLIENT, _Shower())


class _Shower:
    """Shows a client; loads the widgets when the first one is shown."""

    def __init__(self) -> None:
        self._cards: Any = None

    def __call__(self, client: Any) -> None:
        if self._cards is None:
            from .card import Cards

            self._cards = Cards()
        self._cards.show(client)
