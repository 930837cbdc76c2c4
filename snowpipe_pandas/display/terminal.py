"""A running load as one line: redrawn in place on a terminal, a new line now and then elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from ..streaming.progress import Progress
from . import texts

PLAIN_INTERVAL_S = 5.0
"""Pause between lines where they can't be redrawn, as in a log file."""

_ERASE_LINE = "\r\x1b[2K"


class TerminalView:
    """Draws snapshots to a text stream.

    Args:
        stream: usually `sys.stderr`.
        clock: seconds that only go forward.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._redraws = stream.isatty()
        self._drawn_at: float | None = None

    def draw(self, progress: Progress) -> None:
        """Show a snapshot of the running load."""
        if self._redraws:
            self._write(self._in_place(progress))
        elif self._drawn_at is None or self._clock() - self._drawn_at >= PLAIN_INTERVAL_S:
            self._drawn_at = self._clock()
            self._write(texts.line(progress) + "\n")

    def finish(self, progress: Progress) -> None:
        """Show the last state and leave it standing."""
        self._write((self._in_place(progress) if self._redraws else texts.line(progress)) + "\n")

    def _in_place(self, progress: Progress) -> str:
        return _ERASE_LINE + texts.line(progress, width=shutil.get_terminal_size().columns - 1)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
