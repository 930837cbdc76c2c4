"""A load on one line: what does not fit goes, the share and the rows in the table last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..shown import counted, visible
from ..streaming.outcome import rejected
from ..streaming.progress import Progress
from .texts import (
    Shares,
    at_most,
    countdown,
    down,
    duration,
    pace,
    percent,
    place,
    resume,
    rows,
    shares,
    state,
    target,
)

REPR_CHARACTERS = 110
"""Jupyter cuts plain-text forms of widgets here."""

WIDE, LONG_BAR, SHORT_BAR = 140, 20, 10
"""A line of so many characters has the long bar. Bar and target go by the width alone, so that they do not
jump as numbers grow."""

WHOLE_TARGET, LAST_NAME = 1 / 4, 1 / 3
"""Shares of a line that a target may take, whole or by its last name."""

_LAST_NAME = re.compile(r'(?:"(?:[^"]|"")*"|[^."]+)$')


class Line(NamedTuple):
    """A line in its three parts, with the gaps between them."""

    target: str
    state: str
    told: str

    def __str__(self) -> str:
        return "".join(self)


def line(progress: Progress, *, width: int | None = None) -> Line:
    """Write a snapshot on one line.

    Args:
        progress: the snapshot.
        width: characters that there are; None writes all there is to tell.

    Returns:
        target, state, bar, share, rows in the table, then facts, the most important first. Where it is
        narrow, facts go first, then the total, the bar, and the target.
    """
    if width is None:
        return next(_choices(progress, target(progress), LONG_BAR))
    cells = LONG_BAR if width >= WIDE else SHORT_BAR
    for found in _choices(progress, _short_target(progress, width), cells):
        if len(str(found)) <= width:
            return found
    return Line("", f"{state(progress)[: max(0, width - 1)]}…"[:width], "")


def short(progress: Progress) -> str:
    """Write the one line that stands for a view where only text is shown."""
    return str(line(progress, width=REPR_CHARACTERS))


def log_line(progress: Progress) -> str:
    """Write a line of a log, which does not end before all is told."""
    go_on = resume(progress)
    return f"{line(progress)}{f'; {go_on}' if go_on else ''}"


def bar(found: Shares, cells: int) -> str:
    """Draw a bar of `cells` characters: in the table solid, rejected crossed, waiting shaded.

    Borders are rounded down, so that a full bar is full; rejected rows, however few, have a cell.
    """
    solid, dealt_with, received = (down(sum(found[:n]), cells) for n in (1, 2, 3))
    crossed = max(dealt_with - solid, int(found.rejected > 0))
    solid = min(solid, cells - crossed)
    shaded = max(0, received - solid - crossed)
    return "█" * solid + "×" * crossed + "▒" * shaded + "░" * (cells - solid - crossed - shaded)


def facts(progress: Progress) -> list[str]:
    """List what a line shows behind the rows, most important first."""
    named = [f"load {visible(progress.load_id)}", place(progress)]
    shown = [named.pop()] if progress.parts else []
    if progress.rows_waiting:
        shown.append(f"{progress.rows_waiting:,} waiting")
    if not progress.ended:
        shown.append(f"token {countdown(progress.tokens.get('scoped'))}")
    shown.append(pace(progress))
    if progress.seconds_left is not None and progress.phase != "committing":
        shown.append(f"{duration(progress.seconds_left)} to go")
    shown.append(counted(progress.requests, "request"))
    if progress.retries:
        shown.append(counted(progress.retries, "retry", "retries"))
    if progress.message:
        shown.append(visible(progress.message))
    return shown + named


def _choices(progress: Progress, name: str, cells: int) -> Iterator[Line]:
    """Give the forms of a line, from the fullest to the barest."""
    found, share = shares(progress), percent(progress)
    bare, told = f" {share}" if share else "", facts(progress)
    drawn = bare if found is None else f" {bar(found, cells)}{bare}"
    kept = [told[:number] for number in range(len(told), -1, -1)]
    if progress.parts:  # their number alone, before nothing of them
        kept.insert(-1, [counted(len(progress.parts), "channel")])
    for shown in kept:
        yield _line(progress, name, drawn, _joined(progress, rows(progress), *shown))
        if len(shown) < 2:
            yield _line(progress, name, drawn, _joined(progress, _in_table(progress), *shown), gap=" ")
    brief = _joined(progress, _in_table(progress, total=False))
    for shape in (drawn, bare):
        yield _line(progress, name, shape, brief, gap=" ")
    for words in (_joined(progress, rows(progress)), brief, *_rejected(progress), ""):
        yield _line(progress, "", bare, words)
    yield Line("", state(progress), "")


def _line(progress: Progress, name: str, shown: str, told: str, *, gap: str = "  ") -> Line:
    return Line(f"{name}{gap}" if name else "", state(progress), f"{shown}{gap}{told}" if told else shown)


def _in_table(progress: Progress, *, total: bool = True) -> str:
    """Write the rows in the table in as few words as say what is counted."""
    of_all = f"/{progress.rows_total:,}" if total and progress.rows_total is not None else ""
    return f"{at_most(progress)}{progress.rows_in_table:,}{of_all} in table"


def _joined(progress: Progress, *told: str) -> str:
    return " · ".join([*_rejected(progress), *told])


def _rejected(progress: Progress) -> list[str]:
    """Tell rejected rows, but not behind a state that tells them."""
    told = progress.rows_rejected and progress.phase != "done"
    return [f"{rejected(progress)} REJECTED"] if told else []


def _short_target(progress: Progress, width: int) -> str:
    """Write a target for a line of a width: whole, or its last name, which may end in an ellipsis."""
    whole = target(progress)
    if len(whole) <= width * WHOLE_TARGET:
        return whole
    kind = "-> pipe " if whole.startswith("-> pipe ") else "-> "
    last = _LAST_NAME.search(whole.removeprefix(kind))
    name, room = kind + (last[0] if last else ""), int(width * LAST_NAME)
    return name if len(name) <= room else name[: max(room - 1, 0)] + "…"
