"""The words and numbers of a view, as pure functions of a snapshot: terminal and notebook show the same."""

from __future__ import annotations

import math

from ..events import TokenLife
from ..streaming.progress import Progress

REPR_CHARACTERS = 110
"""Jupyter cuts plain-text forms of widgets here."""

BAR_CELLS = (20, 10)
"""Widths of a line's bar, the first that fits."""

_TOKENS = {"jwt": "JWT", "scoped": "scoped token"}


def shares(progress: Progress) -> tuple[float, float] | None:
    """Return the shares of rows committed and sent, 0 to 1; None where nothing is known to measure by.

    Where the total is not known, the rows sent so far are the whole.
    """
    total = progress.rows_total
    if total is None:
        total = progress.rows_done
        if total == 0 and progress.phase != "done":
            return None
    if total == 0:
        return 1.0, 1.0
    return min(1.0, progress.rows_committed / total), min(1.0, progress.rows_done / total)


def percent(progress: Progress) -> str:
    """Write the share of rows sent, "" where the total is not known; 100 % only when it is all."""
    if progress.rows_total is None and progress.phase != "done":
        return ""
    found = shares(progress)
    return "" if found is None else f"{math.floor(100 * found[1])}%"


def bar(committed: float, sent: float, cells: int) -> str:
    """Draw a bar of `cells` characters: committed solid, sent and not committed shaded."""
    solid = math.floor(max(0.0, min(1.0, committed)) * cells)
    shaded = math.floor(max(0.0, min(1.0, sent)) * cells) - solid
    return "█" * solid + "▒" * max(0, shaded) + "░" * (cells - solid - max(0, shaded))


def duration(seconds: float) -> str:
    """Write a time as m:ss, or h:mm:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def elapsed(seconds: float) -> str:
    """Write how long something took, finely where it was short."""
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def countdown(life: TokenLife | None) -> str:
    """Write what is left of a token's life."""
    if life is None:
        return "none yet"
    if math.isinf(life.expires_in_s):
        return "no end known"
    return "expired" if life.expires_in_s <= 0 else duration(life.expires_in_s)


def token_state(life: TokenLife | None) -> str:
    """Return "none", "good", "due" (inside the margin in which it is renewed) or "expired"."""
    if life is None:
        return "none"
    if life.expires_in_s <= 0:
        return "expired"
    return "due" if life.expires_in_s < life.margin_s else "good"


def token_story(life: TokenLife | None) -> str:
    """Say when and why a token was made, and when the next one will be."""
    if life is None:
        return "made when it is needed"
    made = f"made {duration(life.age_s)} ago: {life.reason}"
    if math.isinf(life.life_s):
        return made
    return f"{made}; renewed when used in its last {duration(life.margin_s)}"


def token_name(kind: str) -> str:
    """Name a token by its kind."""
    return _TOKENS.get(kind, kind)


def key(fingerprint: str) -> str:
    """Shorten a key's fingerprint; enough to tell keys apart."""
    return fingerprint[:15] + "…" if len(fingerprint) > 16 else fingerprint


def rows(progress: Progress) -> str:
    """Write rows sent of the total: "225,280/336,776 rows"."""
    total = "" if progress.rows_total is None else f"/{progress.rows_total:,}"
    return f"{progress.rows_done:,}{total} rows"


def speed(bytes_per_s: float) -> str:
    """Write a speed, in 10^6 bytes a second where that is not almost nothing."""
    if 0 < bytes_per_s < 1e5:
        return f"{bytes_per_s / 1e3:,.1f} kB/s"
    return f"{bytes_per_s / 1e6:,.1f} MB/s"


def size(count: float) -> str:
    """Write a number of bytes."""
    for unit, name, digits in ((1e9, "GB", 2), (1e6, "MB", 1)):
        if count >= unit:
            return f"{count / unit:,.{digits}f} {name}"
    return f"{count / 1e3:,.1f} kB"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun: "1 request", "2 requests"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def state(progress: Progress) -> str:
    """Say in a word or two what the load is doing."""
    if progress.phase == "done" and progress.rows_sent == 0 and progress.rows_skipped:
        return "already committed"
    return progress.phase


def resume(progress: Progress) -> str:
    """Tell how a stopped load goes on, "" for one that did not stop."""
    if progress.phase not in ("failed", "cancelled"):
        return ""
    return f"to go on, run the same call with load_id={progress.load_id!r}"


def facts(progress: Progress) -> list[str]:
    """List what a line shows behind the bar, most important first."""
    shown = [rows(progress), f"{progress.rows_committed:,} committed"]
    if progress.phase == "committing":
        shown.reverse()
    if progress.rows_rejected:
        shown.append(f"{progress.rows_rejected:,} REJECTED")
    if progress.ended:
        shown.append(speed(1e6 * progress.megabytes_per_s))
    else:
        shown += [f"token {countdown(progress.tokens.get('scoped'))}", speed(progress.recent_bytes_per_s)]
        if progress.seconds_left is not None and progress.phase != "committing":
            shown.append(f"{duration(progress.seconds_left)} to go")
    shown.append(counted(progress.requests, "request"))
    if progress.retries:
        shown.append(counted(progress.retries, "retry", "retries"))
    return shown


def summary(progress: Progress) -> str:
    """Sum a load up in one sentence, as a folded view does."""
    if progress.phase == "done" and progress.rows_sent == 0 and progress.rows_skipped:
        return f"nothing to send: all {progress.rows_skipped:,} rows were committed"
    total = progress.rows_total
    whole = "" if total is None or total == progress.rows_committed else f" of {total:,}"
    mean = speed(1e6 * progress.megabytes_per_s)
    # A load that stopped does not always wait to learn what became of its last rows.
    least = "at least " if resume(progress) and progress.rows_lag else ""
    return f"{least}{progress.rows_committed:,}{whole} rows committed in {elapsed(progress.seconds)} · {mean}"


def line(progress: Progress, *, width: int | None = None) -> str:
    """Write a snapshot on one line; what does not fit a `width` goes, facts before the bar."""
    told = [*facts(progress), progress.message] if progress.message else facts(progress)
    found = shares(progress)
    drawn = [""] if found is None else [f" {bar(*found, n)} {percent(progress)}".rstrip() for n in BAR_CELLS]
    choices = [(d, n) for n in range(len(told), 1, -1) for d in drawn] + [("", 2), ("", 1)]
    for shown, number in choices:
        text = f"{state(progress)}{shown}  {' · '.join(told[:number])}"
        if width is None or len(text) <= width:
            return text
    return text[:width]


def short(progress: Progress) -> str:
    """Write the one line that stands for a view where only text is shown."""
    return line(progress, width=REPR_CHARACTERS)
