"""The words and numbers of a view, as pure functions of a snapshot: terminal and notebook show the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple

from ..events import TokenLife
from ..shown import counted, plural_of, visible
from ..shown import size as size
from ..shown import speed as speed
from ..streaming.outcome import rejected
from ..streaming.progress import Progress
from ..streaming.timings import Timings

Grade = Literal["", "ok", "warn", "bad"]
"""What a view's colour says: nothing yet, every row is in the table, look at this, it failed."""

_TOKENS = {"jwt": "JWT", "scoped": "scoped token"}


class Shares(NamedTuple):
    """Shares of a load's rows, 0 to 1; what is left was not received yet."""

    in_table: float
    rejected: float
    waiting: float


def target(progress: Progress) -> str:
    """Write where a load goes, as every view begins: "-> DEMO.PUBLIC.FLIGHTS"."""
    return f"-> {visible(progress.target)}"


def channels(progress: Progress) -> str:
    """Say how many channels or workers a load has, and how far they are where one is not as far as others."""
    phases, number = Counter(part.phase for part in progress.parts), len(progress.parts)
    some = {phase: count for phase, count in phases.items() if count < number}
    parts = counted(number, "worker" if progress.parts[0].worker else "channel")
    if "done" in some:
        parts = f"{some['done']:,} of {parts} done"
    return ", ".join([parts, *(f"{some[p]:,} {p}" for p in ("failed", "cancelled", "paused") if p in some)])


def place(progress: Progress) -> str:
    """Name the channel of a load, or their number."""
    return channels(progress) if progress.parts else f"channel {visible(progress.channel)}"


def _full(progress: Progress) -> int | None:
    """Return the rows that a load's shares refer to; None where that is not known before its end."""
    if progress.rows_total is None:
        return progress.rows_acknowledged if progress.phase == "done" else None
    return max(progress.rows_total, progress.rows_acknowledged)


def shares(progress: Progress) -> Shares | None:
    """Return the shares of rows in the table, rejected and waiting; None where the whole is not known."""
    whole = _full(progress)
    if whole is None:
        return None
    if whole == 0:
        return Shares(1.0 if progress.phase == "done" else 0.0, 0.0, 0.0)
    counts = (progress.rows_in_table, progress.rows_rejected, progress.rows_waiting)
    return Shares(*(count / whole for count in counts))


def percent(progress: Progress) -> str:
    """Write the share of rows in the table, "" where the whole is not known; 100 % only when it is all."""
    found = shares(progress)
    return "" if found is None else f"{at_most(progress, '≤')}{whole_percent(found)}%"


def whole_percent(found: Shares) -> int:
    """Return how many of a hundred rows are in the table, rounded down."""
    return down(found.in_table, 100)


def duration(seconds: float) -> str:
    """Write a time as m:ss, or h:mm:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def elapsed(seconds: float) -> str:
    """Write how long something took, finely where it was short."""
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def countdown(life: TokenLife | None) -> str:
    """Write what is left of a token's life, marked if its end is assumed."""
    if life is None:
        return "none yet"
    if math.isinf(life.expires_in_s):
        return "no end known"
    return "expired" if life.expires_in_s <= 0 else _assumed(life) + duration(life.expires_in_s)


def _assumed(life: TokenLife) -> str:
    return "≈" if life.assumed else ""


def tokens(lives: Mapping[str, TokenLife]) -> str:
    """Say in a few words how a client's tokens are: "tokens ok, 59 min", or what is due or expired."""
    alarms = [
        f"{token_name(kind)} {'expired' if state == 'expired' else f'due, {countdown(life)} left'}"
        for kind, life in lives.items()
        if (state := token_state(life)) in ("due", "expired")
    ]
    if alarms:
        return ", ".join(alarms)
    if not lives:
        return "no token yet"
    first = min(lives.values(), key=lambda life: life.expires_in_s)
    if math.isinf(first.expires_in_s):
        return "tokens ok, no end known"
    minutes, seconds = divmod(int(first.expires_in_s), 60)
    return f"tokens ok, {_assumed(first)}{f'{minutes:,} min' if minutes else f'{seconds} s'}"


def tokens_grade(lives: Mapping[str, TokenLife]) -> Grade:
    """Return the colour of a client's tokens: that of the worst of them."""
    states = {token_state(life) for life in lives.values()}
    return "bad" if "expired" in states else "warn" if "due" in states else ""


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
    """Shorten a key's fingerprint; enough to distinguish keys."""
    return fingerprint[:15] + "…" if len(fingerprint) > 16 else fingerprint


def rows(progress: Progress) -> str:
    """Write the rows in the table, of the total: "225,280/336,776 rows in the table"."""
    there, whole = progress.rows_in_table, progress.rows_total
    total = "" if whole is None else f"/{whole:,}"
    noun = plural_of(there if whole is None else whole, "row")
    return f"{at_most(progress)}{there:,}{total} {noun} in the table"


def pace(progress: Progress) -> str:
    """Write a load's speed: at present, and on the whole once it is over; "" while it has none."""
    if progress.phase in ("paused", "committing"):
        return ""
    return speed(1e6 * progress.megabytes_per_s if progress.ended else progress.recent_bytes_per_s)


def time_left(progress: Progress) -> str:
    """Write how long a load will go on sending; "" where that is unknown."""
    left = progress.seconds_left
    return "" if left is None or progress.phase in ("paused", "committing") else f"{duration(left)} left"


def timings(spent: Timings) -> str:
    """Write the times of a load: "encode 1.2 s · compress 0.8 s · wait 0.1 s · send 3.4 s · commit 0.3 s"."""
    works = {
        "encode": spent.encode,
        "compress": spent.compress,
        "wait": spent.wait,
        "send": spent.send,
        "commit": spent.commit,
    }
    return " · ".join(f"{name} {elapsed(seconds)}" for name, seconds in works.items())


def grade(progress: Progress) -> Grade:
    """Return the colour of a load; it ends green only if every row is in the table, and that is known."""
    if progress.phase == "failed":
        return "bad"
    if progress.rows_rejected or progress.phase in ("cancelled", "paused"):
        return "warn"
    if progress.phase != "done" or progress.rows_waiting:
        return ""
    return "ok" if progress.rejected_exact and progress.rows_in_table == _full(progress) else "warn"


def state(progress: Progress) -> str:
    """Say in a few words what the load is doing, or how it ended."""
    if progress.phase != "done":
        return progress.phase
    if progress.rows_rejected:
        return f"done, {rejected(progress)} REJECTED"
    if progress.rows_waiting:
        return "acknowledged"
    if not progress.rejected_exact:
        return "done, rejected rows unknown"
    return "already in the table" if progress.rows_sent == 0 and progress.rows_skipped else "done"


def headline(progress: Progress) -> str:
    """Write the state with the share of rows in the table, where there is one."""
    return " · ".join(filter(None, (state(progress), percent(progress))))


def resume(progress: Progress) -> str:
    """Return how a stopped load goes on, "" for one that did not stop."""
    if progress.phase not in ("failed", "cancelled") or not progress.goes_on:
        return ""
    return f"to go on, run the same call with load_id={progress.load_id!r}"


def numbers(progress: Progress) -> list[str]:
    """List the facts of a view's first line: rows in the table and waiting, speed, and time."""
    there, whole = progress.rows_in_table, _full(progress)
    of_all = "" if whole in (None, there) else f" of {whole:,}"
    noun = plural_of(there if whole is None else whole, "row")
    # A load that stopped does not always wait to learn what became of its last rows.
    seen = " at the last check" if resume(progress) and progress.rows_waiting else ""
    clause = f"{at_most(progress)}{there:,}{of_all} {noun} in the table{seen}"
    if progress.phase == "done" and progress.rows_sent == 0 and progress.rows_skipped:
        return [f"nothing to send: {clause}"]
    lost = progress.rows_rejected and progress.phase != "done"
    facts = [f"{rejected(progress)} REJECTED" if lost else "", clause]
    facts.append(f"{progress.rows_waiting:,} waiting" if progress.rows_waiting else "")
    facts += [pace(progress), elapsed(progress.seconds) if progress.ended else time_left(progress)]
    return [number for number in facts if number]


def at_most(progress: Progress, words: str = "at most ") -> str:
    """Say that fewer rows may be in the table, where the service does not report how many it rejected."""
    return "" if progress.rejected_exact else words


def down(share: float, parts: int) -> int:
    """Round down to whole parts, but not because of float errors: 0.29 of 100 is 29."""
    return math.floor(share * parts + 1e-9)
