"""The words and numbers of a view, as pure functions of a snapshot: terminal and widget show the same."""

from __future__ import annotations

from ..streaming.progress import Progress

BAR_CELLS = (20, 10)
"""Widths of the bar, the first that fits."""
_PARTS = " ▏▎▍▌▋▊▉█"


def fraction(progress: Progress) -> float | None:
    """Return the share of rows behind the load, 0 to 1; None where the total is not known."""
    if progress.rows_total is None:
        return 1.0 if progress.phase == "done" else None
    return progress.rows_done / progress.rows_total if progress.rows_total else 1.0


def bar(share: float, cells: int) -> str:
    """Draw a bar of `cells` characters, in eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    full, part = divmod(eighths, 8)
    drawn = "█" * full + (_PARTS[part] if part else "")
    return drawn.ljust(cells)


def countdown(seconds: float | None) -> str:
    """Write a token's remaining life as m:ss; "none yet" before the first token."""
    if seconds is None:
        return "none yet"
    if seconds <= 0:
        return "expired"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def scoped_left_s(progress: Progress) -> float | None:
    """Return the seconds until the scoped token ends, None while there is none."""
    life = progress.tokens.get("scoped")
    return None if life is None else life.expires_in_s


def rows(progress: Progress) -> str:
    """Write rows sent of the total: "225,280/336,776 rows"."""
    total = "" if progress.rows_total is None else f"/{progress.rows_total:,}"
    return f"{progress.rows_done:,}{total} rows"


def state(progress: Progress) -> str:
    """Say in a few words what the load is doing."""
    if progress.phase == "done" and progress.rows_sent == 0 and progress.rows_skipped:
        return "already committed"
    if progress.phase in ("failed", "cancelled"):
        return f"stopped: {progress.message}"
    return progress.phase


def facts(progress: Progress) -> list[str]:
    """List what a line shows behind the bar, most important first."""
    shown = [
        rows(progress),
        f"{progress.rows_committed:,} committed",
        f"{progress.megabytes_per_s:.1f} MB/s",
        f"token {countdown(scoped_left_s(progress))}",
        f"{progress.requests} requests",
    ]
    if progress.rows_rejected:
        shown.insert(2, f"{progress.rows_rejected:,} REJECTED")
    if progress.retries:
        shown.append(f"{progress.retries} retries")
    return shown


def line(progress: Progress, *, width: int | None = None) -> str:
    """Write a snapshot on one line; for a `width`, first the bar shrinks and goes, then facts do."""
    head, told = state(progress), facts(progress)
    share = fraction(progress)
    bars = [""] if share is None else [f" {bar(share, cells)} {share:.0%}" for cells in BAR_CELLS] + [""]
    for drawn in bars:
        text = f"{head}{drawn}  {' · '.join(told)}"
        if width is None or len(text) <= width:
            return text
    while width is not None and len(text) > width and len(told) > 1:
        told.pop()
        text = f"{head}  {' · '.join(told)}"
    return text[:width]
