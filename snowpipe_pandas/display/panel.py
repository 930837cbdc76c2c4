"""A load and a client's tokens as HTML, pure functions of snapshots.

The markup says all of it without the style sheet: facts are tables, numbers on a line have separators in the
text, and what is only a picture (bars, charts) leaves no words where it can't be drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..events import TokenLife
from ..shown import counted, plural_of
from ..streaming.outcome import NOT_REPORTED
from ..streaming.progress import Progress
from . import parts, texts
from .chart import charts
from .pieces import bar, code, facts, joined, quiet, refused, shade, span, target, text, total

_ALARMS = {"due": "warn", "expired": "bad"}
KINDS = ("jwt", "scoped")


def line(progress: Progress) -> str:
    """Draw a load's first line: where it goes, bar, state, share of rows in the table, and numbers."""
    return f'<div class="line">{_line(progress)}</div>'


def folded(progress: Progress) -> str:
    """Draw a load as a line, which opens to everything else; below it what needs attention."""
    opened = f'<details><summary class="line">{_line(progress)}</summary>{details(progress)}</details>'
    return opened + notes(progress)


def _line(progress: Progress) -> str:
    state = span(f"state {texts.grade(progress)}", texts.headline(progress))
    numbers = [f'<span class="n">{text(number)}</span>' for number in texts.numbers(progress)]
    named = f'{target(progress)}{bar(progress)}<span class="sep">&nbsp;· </span>'
    return named + joined([state, *numbers])


def switch(hint: str = "") -> str:
    """Draw what opens the details of a view that is drawn again and again; the style sheet does the rest."""
    return f"<details><summary>details</summary></details>{quiet(hint) if hint else ''}"


def details(progress: Progress) -> str:
    """Draw everything but the first line: counts, facts, charts, parts, offset tokens, access tokens."""
    return "".join(
        (
            _legend(progress),
            _facts(progress),
            charts(progress),
            parts.drawn(progress),
            "" if _calm(progress.tokens) else _lives(progress.tokens),
        )
    )


def client(account: str, user: str, fingerprint: str, lives: Mapping[str, TokenLife], state: str = "") -> str:
    """Draw a client: who it is, how long its tokens live, and what has become of it."""
    who = [f"<b>{text(user)}</b>", text(account), _key(fingerprint), quiet(state) if state else ""]
    return f'<div class="head">{joined(filter(None, who))}</div>{_lives(lives)}'


def notes(progress: Progress) -> str:
    """Say why rows were rejected, why a load stopped, and how it goes on."""
    notes = ""
    if progress.rows_rejected:
        reason = progress.rejected_message or "no reason is known"
        notes += f'<div class="note">{span("bad", f"rejected: {reason}")}</div>'
    elif progress.phase == "done" and not progress.rejected_exact:
        notes += f'<div class="note">{span("warn", NOT_REPORTED)}</div>'
    if progress.phase in ("failed", "cancelled"):
        why = span(texts.grade(progress), f"{progress.phase}: {progress.message}")
        notes += f'<div class="note">{why}{_how_to_go_on(progress)}</div>'
    return notes


def _how_to_go_on(progress: Progress) -> str:
    if not texts.resume(progress):
        return ""
    return f"<br>To go on, run the same call with <code>load_id={text(repr(progress.load_id))}</code>"


def _legend(progress: Progress) -> str:
    entries = [f'<i class="{shade(progress)}"></i>{progress.rows_in_table:,} in the table']
    if progress.rows_rejected:
        entries.append(f'<i class="rejected"></i>{refused(progress)}')
    if progress.rows_waiting or not progress.ended:
        entries.append(f'<i class="sent"></i>{progress.rows_waiting:,} waiting for their commit')
    entries.append(f"of {total(progress)} {plural_of(progress.rows_total or 0, 'row')}")
    if progress.rows_skipped:
        entries.append(f"{progress.rows_skipped:,} sent before this call")
    return f'<div class="legend">{joined(f"<span class=n>{one}</span>" for one in entries)}</div>'


def _facts(progress: Progress) -> str:
    ratio = progress.wire_ratio
    short = {
        "elapsed": texts.elapsed(progress.seconds),
        "mean speed": texts.speed(progress.megabytes_per_s * 1e6),
        "row JSON": texts.size(progress.raw_bytes),
        "on the wire": texts.size(progress.sent_bytes),
        "wire ratio": "–" if ratio is None else f"{ratio:.1f} : 1",
        "requests": f"{progress.requests:,}",
        "retries": f"{progress.retries:,}",
        "throttled": f"{progress.throttles:,}",
    }
    if progress.reopens:
        short["reopened"] = f"{progress.reopens:,}"
    who = [text(progress.user), text(progress.account), _key(progress.fingerprint)]
    long = {
        "time": text(texts.timings(progress.timings)),
        "load": f"{text(progress.load_id)}, {text(texts.place(progress))}",
        "client": joined(filter(None, who)),
        "access": span(texts.tokens_grade(progress.tokens), texts.tokens(progress.tokens)),
        **_offsets(progress),
    }
    return facts(short, "short") + facts(long, "long")


def _offsets(progress: Progress) -> dict[str, str]:
    sent, committed = progress.token_sent, progress.token_committed
    if sent is None:
        return {}
    lag = f"{counted(progress.rows_waiting, 'row')} behind" if progress.rows_waiting else "all that was sent"
    return {
        "offset token sent": code(sent),
        "committed": f"{code(committed or 'none yet')} {quiet(f'({lag})')}",
    }


def _calm(lives: Mapping[str, TokenLife]) -> bool:
    return texts.tokens_grade(lives) == ""


def _lives(lives: Mapping[str, TokenLife]) -> str:
    return f'<div class="tokens">{"".join(_token(kind, lives.get(kind)) for kind in KINDS)}</div>'


def _token(kind: str, life: TokenLife | None) -> str:
    state, name, left = texts.token_state(life), texts.token_name(kind), texts.countdown(life)
    if life is not None and 0 < life.expires_in_s < math.inf:
        left += " left"
    share = 0.0
    if life is not None and life.life_s > 0:
        share = 1.0 if math.isinf(life.life_s) else max(0.0, min(1.0, life.expires_in_s / life.life_s))
    # An expired token shows a full red bar: an empty one would be no colour at all.
    width = 1.0 if state == "expired" else share
    return (
        f'<div class="token">{name} <span class="left {_ALARMS.get(state, "")}">{text(left)}</span>'
        f'<span class="track thin" role="progressbar" aria-label="life of the {name}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * share)}" aria-valuetext="{text(left)}">'
        f'<i class="{state}" style="width:{width:.2%}"></i></span>'
        f"<br><small>{text(texts.token_story(life))}</small></div>"
    )


def _key(fingerprint: str) -> str:
    short = texts.key(fingerprint)
    return f"key {code(short)}" if short else ""
