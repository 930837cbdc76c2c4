"""Whether this is a notebook's kernel, and what it is told there: how clients show themselves.

`rest/` knows no display. A kernel is told the client's class by name, so that the import of the package loads
neither.
"""

from __future__ import annotations

import sys
from typing import Any

CLIENT = ("snowpipe_pandas.rest.client", "Client")


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel (IPython in a terminal is a terminal)."""
    shell = _shell()
    return shell is not None and getattr(shell, "kernel", None) is not None


def register() -> None:
    """Let clients show their card where a cell's last value is one; does nothing outside of a kernel."""
    if in_notebook():
        _shell().display_formatter.ipython_display_formatter.for_type_by_name(*CLIENT, _Shower())


class _Shower:
    """Shows a client; loads the widgets when the first one is shown."""

    def __init__(self) -> None:
        self._cards: Any = None

    def __call__(self, client: Any) -> None:
        if self._cards is None:
            from .card import Cards

            self._cards = Cards()
        self._cards.show(client)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
