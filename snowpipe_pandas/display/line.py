"""A load on one line: what does not fit is left out, the share and the rows in the table last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from ..shown import counted, visible
from ..streaming.outcome import rejected
from ..streaming.progress import Progress
from .texts import (
    Shares,
    at_most,
    down,
    pace,
    percent,
    place,
    resume,
    rows,
    shares,
    state,
    target,
    time_left,
    tokens,
)

REPR_CHARACTERS = 110
"""Jupyter cuts plain-text forms of widgets here."""

WIDE, LONG_BAR, SHORT_BAR = 140, 20, 10
"""A line of this many characters has the long bar. Bar and target go by the width alone, so that they do not
jump as numbers grow."""

WHOLE_TARGET, LAST_NAME = 1 / 4, 1 / 3
"""Shares of a line that a target may take, whole or by its last name."""

_ASCII = str.maketrans({"█": "#", "×": "x", "▒": "=", "░": ".", "·": "-", "≤": "<=", "≈": "~", "…": "~"})
_LAST_NAME = re.compile(r'(?:"(?:[^"]|"")*"|[^."]+)$')


class Line(NamedTuple):
    """A line in its three parts, with the gaps between them."""

    target: str
    state: str
    facts: str

    def __str__(self) -> str:
        return "".join(self)

    def in_ascii(self) -> Line:
        """Return the line for a screen that shows only ASCII."""
        return Line(*(in_ascii(part) for part in self))


def line(progress: Progress, *, width: int | None = None, ascii_only: bool = False) -> Line:
    """Write a snapshot on one line.

    Args:
        progress: the snapshot.
        width: the cells of the terminal; None writes all facts, without a bar.
        ascii_only: writes nothing but ASCII.

    Returns:
        target, state, bar, share, rows in the table, then facts, the most important first. Where it is
        narrow, facts go first, then the total, the bar, and the target; share and rows go last.
    """
    cells = 0 if width is None else LONG_BAR if width >= WIDE else SHORT_BAR
    name = target(progress) if width is None else _short_target(progress, width)
    for found in _choices(progress, name, cells):
        drawn = found.in_ascii() if ascii_only else found
        if width is None or cell_len(str(drawn)) <= width:
            return drawn
    return Line("", set_cell_size(state(progress), width or 0), "")


def short(progress: Progress) -> str:
    """Write the one line that replaces a view where only text is shown."""
    return str(line(progress, width=REPR_CHARACTERS))


def log_line(progress: Progress, *, ascii_only: bool = False) -> str:
    """Write a line of a log, which is never cut."""
    text = "; ".join(filter(None, (str(line(progress)), resume(progress))))
    return in_ascii(text) if ascii_only else text


def in_ascii(text: str) -> str:
    """Write a text in ASCII: bars and signs have such forms, everything else is shown as its escape."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()


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
    """List what a line shows after the rows, most important first."""
    named = [f"load {visible(progress.load_id)}", place(progress)]
    shown = [named.pop()] if progress.parts else []
    if progress.rows_waiting:
        shown.append(f"{progress.rows_waiting:,} waiting")
    shown += filter(None, (pace(progress), time_left(progress)))
    if not progress.ended:
        shown.append(tokens(progress.tokens))
    shown.append(counted(progress.requests, "request"))
    if progress.retries:
        shown.append(counted(progress.retries, "retry", "retries"))
    if progress.message:
        shown.append(visible(progress.message))
    return shown + named


def _choices(progress: Progress, name: str, cells: int) -> Iterator[Line]:
    """Give the forms of a line, from the fullest to the barest."""
    found, share = shares(progress), percent(progress)
    bare, listed = f" {share}" if share else "", facts(progress)
    drawn = bare if found is None or not cells else f" {bar(found, cells)}{bare}"
    kept = [listed[:number] for number in range(len(listed), -1, -1)]
    if progress.parts:  # rather their number alone than no fact at all
        kept.insert(-1, [counted(len(progress.parts), "channel")])
    for shown in kept:
        yield _line(progress, name, drawn, _joined(progress, rows(progress), *shown))
        if len(shown) < 2:
            yield _line(progress, name, drawn, _joined(progress, _in_table(progress), *shown), gap=" ")
    brief = _joined(progress, _in_table(progress, total=False))
    for shape in (drawn, bare):
        yield _line(progress, name, shape, brief, gap=" ")
    for words in (_joined(progress, rows(progress)), brief):
        yield _line(progress, "", bare, words)
    yield from _barest(progress)


def _barest(progress: Progress) -> Iterator[Line]:
    """Give the forms for little room: the state is left out before the share and the rows in the table."""
    lost = " · REJECTED" if progress.rows_rejected else ""
    there, share = _in_table(progress, total=False), percent(progress)
    word = "" if lost else progress.phase
    bound = share.startswith("≤")  # says already that the rows are "at most"
    few = f"{progress.rows_in_table:,} in table" if bound else there
    least = " ".join(filter(None, (share, few)))
    yield Line("", word, f"{' ' if word else ''}{least}{lost}")
    yield Line("", "", f"{least}{lost}")
    yield Line("", "", least)
    for words in (f"{state(progress)} {share}", f"{progress.phase} {share}", share, progress.phase):
        if words:
            yield Line("", words, "")


def _line(progress: Progress, name: str, shown: str, words: str, *, gap: str = "  ") -> Line:
    return Line(f"{name}{gap}" if name else "", state(progress), f"{shown}{gap}{words}" if words else shown)


def _in_table(progress: Progress, *, total: bool = True) -> str:
    """Write the rows in the table, in the fewest words that say what is counted."""
    of_all = f"/{progress.rows_total:,}" if total and progress.rows_total is not None else ""
    return f"{at_most(progress)}{progress.rows_in_table:,}{of_all} in table"


def _joined(progress: Progress, *facts: str) -> str:
    return " · ".join([*_rejected(progress), *facts])


def _rejected(progress: Progress) -> list[str]:
    """Return the rejected rows, but not after a state that shows them."""
    shown = progress.rows_rejected and progress.phase != "done"
    return [f"{rejected(progress)} REJECTED"] if shown else []


def _short_target(progress: Progress, width: int) -> str:
    """Write a target for a line of a width: whole, or its last name, which may end in an ellipsis."""
    whole = target(progress)
    if len(whole) <= width * WHOLE_TARGET:
        return whole
    kind = "-> pipe " if whole.startswith("-> pipe ") else "-> "
    last = _LAST_NAME.search(whole.removeprefix(kind))
    name, room = kind + (last[0] if last else ""), int(width * LAST_NAME)
    return name if len(name) <= room else name[: max(room - 1, 0)] + "…"
