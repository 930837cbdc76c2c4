"""What the notebook's views are made of: escaped text, coloured words, a target, and the bar of a load."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from ..shown import plural_of, visible
from ..streaming.outcome import rejected
from ..streaming.progress import Progress
from . import texts


def text(value: str) -> str:
    """Write a text into a page: none of it is markup, and none of it is hidden."""
    return html.escape(visible(value))


def span(kind: str, words: str) -> str:
    """Write words in the colour of a kind."""
    return f'<span class="{kind.strip()}">{text(words.strip())}</span>'


def quiet(words: str) -> str:
    """Write words in a quiet colour."""
    return span("quiet", words)


def code(words: str) -> str:
    """Write words as they are typed."""
    return f"<code>{text(words)}</code>"


def joined(parts: Iterable[str]) -> str:
    """Join HTML with separators that are text, so that it reads well without a style; none begins a line."""
    return "&nbsp;· ".join(parts)


def facts(entries: Mapping[str, str], kind: str) -> str:
    """Draw names and their values, which are HTML already, as a table of two columns."""
    left = 'style="text-align:left"'  # for viewers that remove the style sheet
    rows = "".join(
        f'<tr><th scope="row" {left}>{name}</th><td {left}>{value}</td></tr>'
        for name, value in entries.items()
    )
    return f'<table class="facts {kind}"><tbody>{rows}</tbody></table>'


def target(progress: Progress) -> str:
    """Draw where a load goes; a long name may break after its dots."""
    return f"<b>{text(texts.target(progress)).replace('.', '.<wbr>')}</b>"


def refused(progress: Progress) -> str:
    """Draw how many rows were rejected."""
    return span("bad", f"{rejected(progress)} REJECTED")


def total(progress: Progress) -> str:
    """Write how many rows a load has, "?" where that is not known."""
    return "?" if progress.rows_total is None else f"{progress.rows_total:,}"


def shade(progress: Progress) -> str:
    """Return the colour of rows in the table: green and amber come at the end, amber also for a pause."""
    return texts.grade(progress) if progress.phase in ("done", "paused") else ""


def bar(progress: Progress, part: int | None = None) -> str:
    """Draw the bar: rows in the table, rejected and waiting; without an end to measure by, none of them.

    Args:
        progress: a load, or a part of one.
        part: the part's number; its bar is thin.
    """
    found = texts.shares(progress)
    whole = "an unknown number of" if progress.rows_total is None else f"{progress.rows_total:,}"
    noun = plural_of(progress.rows_total or 0, "row")
    said = f"{progress.rows_in_table:,} of {whole} {noun} in the table, {progress.rows_waiting:,} waiting"
    if progress.rows_rejected:
        said = f"{rejected(progress)} {plural_of(progress.rows_rejected, 'row')} rejected, {said}"
    kind = "track" if part is None else "track thin"
    load = f"{progress.target}, load {progress.load_id}"
    name = load if part is None else f"part {part} of {load}"
    role = f'role="progressbar" aria-label="{text(name)}" aria-valuetext="{said}"'
    if found is None:
        return f'<span class="{kind}{"" if progress.ended else " unknown"}" {role}></span>'
    fates = zip((shade(progress), "rejected", "sent"), found, strict=True)
    layers = "".join(f'<i class="{fate}" style="width:{share:.2%}"></i>' for fate, share in fates if share)
    now = f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{texts.whole_percent(found)}"'
    return f'<span class="{kind}" {role} {now}>{layers}</span>'
