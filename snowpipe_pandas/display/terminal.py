"""A running load outside of a notebook: one line redrawn on a terminal, or a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..streaming.progress import Progress
from . import texts
from .line import in_ascii, line, log_line

LOG_INTERVAL_S = 10.0
"""Pause between lines where they can't be redrawn, as in a pipe or in CI."""

_STYLES: dict[texts.Grade, str] = {"": "bold", "ok": "green", "warn": "yellow", "bad": "bold red"}


class TerminalView:
    """Draws one line in place, on standard error, as wide as the terminal is.

    Args:
        read: returns the load's present state.
        console: where to draw.
    """

    def __init__(self, read: Callable[[], Progress], console: Console | None = None) -> None:
        self._read = read
        self._live = Live(console=console or Console(stderr=True, highlight=False), auto_refresh=False)
        self._ascii = self._live.console.options.ascii_only
        self._over = False

    def draw(self) -> bool:
        """Show the present state; returns whether it may change."""
        progress = self._read()
        self._update(progress)
        return not progress.ended

    def draw_last(self) -> None:
        """Leave the last state, and below it how a stopped load goes on."""
        if self._over:
            return
        self._over = True
        progress = self._read()
        self._update(progress)
        self._live.stop()
        if texts.resume(progress):
            how = texts.resume(progress)
            # As a Text, since a str is read as markup: a load may be called "part[/]".
            self._live.console.print(Text(in_ascii(how) if self._ascii else how), soft_wrap=True)

    def _update(self, progress: Progress) -> None:
        self._live.start()  # does nothing the second time
        # One cell fewer than there are: some terminals wrap after the last one.
        width = self._live.console.width - 1
        self._live.update(styled(progress, width, ascii_only=self._ascii), refresh=True)


class LogView:
    """Writes a line every `LOG_INTERVAL_S` seconds, and one at the end.

    Args:
        read: returns the load's present state.
        stream: where to write.
        clock: seconds that only go forward.
    """

    def __init__(
        self, read: Callable[[], Progress], stream: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._stream = stream
        self._ascii = not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
        self._clock = clock
        self._due = clock() + LOG_INTERVAL_S
        self._over = False

    def draw(self) -> bool:
        """Write a line if it is time; returns whether more may come."""
        progress = self._read()
        if not progress.ended and self._clock() >= self._due:
            self._due += LOG_INTERVAL_S
            self._write(progress)
        return not progress.ended

    def draw_last(self) -> None:
        """Write the last state, once."""
        if self._over:
            return
        self._over = True
        self._write(self._read())

    def _write(self, progress: Progress) -> None:
        print(log_line(progress, ascii_only=self._ascii), file=self._stream, flush=True)


def styled(progress: Progress, width: int, *, ascii_only: bool = False) -> Text:
    """Return the line for a width, in colours."""
    fitting, grade = line(progress, width=width, ascii_only=ascii_only), texts.grade(progress)
    facts = Text(fitting.facts)
    solid = _STYLES[grade] if grade and progress.phase in ("done", "paused") else "blue"
    for cells, style in (("█+", solid), ("×+", "red"), ("▒+", "cyan"), ("░+", "bright_black")):
        facts.highlight_regex(cells, style)
    facts.highlight_regex(r"[\d,]+ REJECTED", "bold red")
    named = (fitting.target, "bold")
    return Text.assemble(named, (fitting.state, _STYLES[grade]), facts, no_wrap=True, overflow="crop")
