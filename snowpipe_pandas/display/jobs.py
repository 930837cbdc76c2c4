"""A table of jobs as HTML: a row for each, and their total.

Live rows are tables of their own, with buttons beside them, so all of them have the columns' widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..events import Phase
from ..shown import counted
from ..streaming.progress import ENDS, Progress
from . import texts
from .pieces import bar, quiet, refused, span, target, total

COLUMNS = (("target", 38), ("state", 26), ("in the table", 20), ("speed", 16))


def table(states: Sequence[Progress], *, head: bool = True) -> str:
    """Draw jobs as rows of a table.

    Args:
        states: the jobs.
        head: whether the columns' names are above them.
    """
    return _table("".join(map(_row, states)), head=head)


def sum_table(states: Sequence[Progress]) -> str:
    """Draw the total of jobs as a table of its own."""
    return _table(_sum_row(states), head=False)


def whole_table(states: Sequence[Progress]) -> str:
    """Draw jobs with their total, in one table."""
    rows = "".join(map(_row, states))
    return _table(rows + (_sum_row(states) if len(states) > 1 else ""), head=True)


def _table(rows: str, *, head: bool) -> str:
    widths = "".join(f'<col style="width:{width}%">' for _, width in COLUMNS)
    cells = "".join(f'<th scope="col">{name}</th>' for name, _ in COLUMNS)
    heads = f"<thead><tr>{cells}</tr></thead>" if head else ""
    return f'<table class="jobs"><colgroup>{widths}</colgroup>{heads}<tbody>{rows}</tbody></table>'


def _row(progress: Progress) -> str:
    named = quiet(f"load {progress.load_id}, {texts.place(progress)}")
    return _cells(f"{target(progress)}<br><small>{named}</small>", progress, texts.headline(progress))


def _sum_row(states: Sequence[Progress]) -> str:
    whole, going = _added(states), sum(not state.ended for state in states)
    number = counted(len(states), "job")
    state = f"{going:,} running" if going else "all over"
    share = texts.percent(whole)
    said = f"{state} · {share}" if share else state
    return _cells(f"<b>total</b><br><small>{quiet(number)}</small>", whole, said)


def _cells(named: str, progress: Progress, state: str) -> str:
    rejected = f"<br>{refused(progress)}" if progress.rows_rejected else ""
    return (
        f"<tr><td>{named}</td><td>{span(texts.grade(progress), state)}{bar(progress)}</td>"
        f'<td><span class="n">{progress.rows_in_table:,}</span> '
        f'<small class="quiet">of {total(progress)}</small>{rejected}</td>'
        f'<td><span class="n">{texts.pace(progress) or "–"}</span></td></tr>'
    )


def _added(states: Sequence[Progress]) -> Progress:
    """Return jobs as if they were one load: as bad as the worst of them, and done when all are."""
    first = states[0]
    totals = [state.rows_total for state in states]
    names = ("rows_in_table", "rows_rejected", "rows_acknowledged", "raw_bytes", "rows_sent")
    return replace(
        first,
        **{name: sum(getattr(state, name) for state in states) for name in names},
        rows_total=None if None in totals else sum(one for one in totals if one is not None),
        rejected_exact=all(state.rejected_exact for state in states),
        phase=_phase(states),
        seconds=max(state.seconds for state in states),
        recent_bytes_per_s=sum(s.recent_bytes_per_s for s in states if s.phase == "sending"),
        target="all jobs",
        load_id=counted(len(states), "job"),
        message="",
        parts=(),
    )


def _phase(states: Sequence[Progress]) -> Phase:
    """Return the phase of the total: where one still runs it runs, else the worst end counts."""
    phases = {state.phase for state in states}
    going = phases - ENDS
    if going:
        return "sending" if "sending" in going or len(going) > 1 else going.pop()
    return "failed" if "failed" in phases else "cancelled" if "cancelled" in phases else "done"
