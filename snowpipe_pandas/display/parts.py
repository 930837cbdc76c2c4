"""The parts of a load through several channels, as HTML: a row each, or a tile each while there are many."""

from __future__ import annotations

from collections.abc import Iterable

from ..shown import counted
from ..streaming.progress import Progress
from . import texts
from .pieces import bar, code, refused, span, text, total

MOST_ROWS = 8
"""More parts than these are tiles while they move: rows would have to scroll, and a redraw scrolls back."""

COLUMNS = (("part", 6), ("channel", 21), ("state", 20), ("progress", 17), ("in the table", 22), ("speed", 14))


def drawn(progress: Progress) -> str:
    """Draw a load's parts; "" for a load through one channel."""
    numbered = list(enumerate(progress.parts, 1))
    if not numbered:
        return ""
    if len(numbered) <= MOST_ROWS:
        return _table(numbered)
    if progress.ended:
        return f'<div class="scroll" tabindex="0" role="region" aria-label="parts">{_table(numbered)}</div>'
    tiles = "".join(_tile(number, part) for number, part in numbered)
    listed = [(number, part) for number, part in numbered if part.phase == "failed" or part.rows_rejected]
    return f'<div class="tiles">{tiles}</div>{_table(listed) if listed else ""}'


def _table(numbered: Iterable[tuple[int, Progress]]) -> str:
    shown = list(numbered)
    heads = "".join(
        f'<th scope="col" style="width:{width}%">{_head(name, shown[0][1])}</th>' for name, width in COLUMNS
    )
    rows = "".join(_row(number, part) for number, part in shown)
    return f'<table class="parts"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _head(name: str, part: Progress) -> str:
    """Name a column: a load in partitions has a row for each worker."""
    return {"part": "", "channel": "worker"}.get(name, name) if part.worker else name


def _row(number: int, part: Progress) -> str:
    """Draw a part as a row; below one that failed, the reason."""
    why = _below(span("bad", part.message)) if part.phase == "failed" else ""
    rejected = f"<br>{refused(part)}" if part.rows_rejected else ""
    return (
        f'<tr><th scope="row">{number}</th><td>{text(part.worker or part.channel)}</td>'
        f"<td>{span(texts.grade(part), texts.headline(part))}{_troubles(part)}</td>"
        f"<td>{bar(part, number)}</td>"
        f'<td><span class="n">{part.rows_in_table:,}</span> <span class="quiet">of {total(part)}</span>'
        f'{rejected}</td><td><span class="n">{texts.pace(part)}</span></td></tr>{why}{_offsets(part)}'
    )


def _below(cell: str) -> str:
    """Draw a row that belongs to the one above it."""
    return f'<tr class="why"><td></td><td colspan="{len(COLUMNS) - 1}">{cell}</td></tr>'


def _offsets(part: Progress) -> str:
    """Draw the part's offset tokens, below its row."""
    if part.token_sent is None:
        return ""
    sent, committed = code(part.token_sent), code(part.token_committed or "none yet")
    one = part.token_sent == part.token_committed
    tokens = f"sent and committed {sent}" if one else f"sent {sent}, committed {committed}"
    return _below(f'<small class="quiet">offset token {tokens}</small>')


def _tile(number: int, part: Progress) -> str:
    """Draw a part as its number, its share or how it ended, and its bar; its title has the rest."""
    share = texts.percent(part) if part.phase in ("sending", "committing") else ""
    facts = [
        f"{part.worker or part.channel}: {texts.headline(part)}",
        texts.rows(part),
        texts.pace(part),
        *_repeats(part),
    ]
    return (
        f'<div class="tile" title="{text(", ".join(filter(None, facts)))}">'
        f'<span class="quiet">{number}</span> {span(texts.grade(part), share or part.phase)} '
        f"{bar(part, number)}</div>"
    )


def _troubles(part: Progress) -> str:
    repeats = _repeats(part)
    return f'<br><small class="quiet">{" · ".join(repeats)}</small>' if repeats else ""


def _repeats(part: Progress) -> list[str]:
    """List what a part had to repeat, or to do more slowly."""
    facts = []
    if part.throttles:
        facts.append(f"{part.throttles:,} throttled")
    if part.retries:
        facts.append(counted(part.retries, "retry", "retries"))
    if part.reopens:
        facts.append(f"{part.reopens:,} reopened")
    return facts
