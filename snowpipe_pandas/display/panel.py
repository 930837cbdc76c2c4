"""The notebook's views as HTML, pure functions of snapshots: a load, a client's tokens, rows of jobs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..events import TokenLife
from ..shown import counted, plural_of
from ..streaming.outcome import NOT_TOLD
from ..streaming.progress import Progress
from . import parts, texts
from .chart import charts
from .pieces import bar, refused, shade, span, target, text, total

_ALARMS = {"due": "warn", "expired": "bad"}


def load(progress: Progress) -> str:
    """Draw a load: bar, numbers, charts, offset tokens, access tokens."""
    return _head(progress) + _body(progress) + notes(progress) + tokens(progress)


def folded(progress: Progress) -> str:
    """Draw a load that is over: one line, which opens to the whole view."""
    end = span(texts.grade(progress), texts.state(progress))
    line = f"{target(progress)} {_names(progress)} · {end} · {text(texts.summary(progress))}"
    opened = _body(progress) + tokens(progress)
    return f"<details><summary>{line}</summary>{opened}</details>{notes(progress)}"


def _body(progress: Progress) -> str:
    return "".join(
        (
            bar(progress),
            _legend(progress),
            _numbers(progress),
            _timings(progress),
            charts(progress.samples, progress.seconds, ended=progress.ended),
            parts.drawn(progress),
            _offsets(progress),
        )
    )


def client(account: str, user: str, fingerprint: str, lives: Mapping[str, TokenLife] | None) -> str:
    """Draw a client: who it is, and how long its tokens live; None for one that is closed."""
    state = '<span class="state quiet">closed</span>' if lives is None else ""
    who = f"<b>{text(user)}</b><span>{text(account)}</span>{_key(fingerprint)}{state}"
    return f'<div class="head">{who}</div>' + ("" if lives is None else _lives(lives))


def tokens(progress: Progress) -> str:
    """Draw who sends, and how long the tokens live."""
    who = (
        f'<div class="head note"><span>{text(progress.user)}</span>'
        f'<span class="quiet">{text(progress.account)}</span>{_key(progress.fingerprint)}</div>'
    )
    return who + _lives(progress.tokens)


def job_row(progress: Progress) -> str:
    """Draw a job as one row of a table."""
    state = span(texts.grade(progress), texts.headline(progress))
    rejected = f"<br>{refused(progress)}" if progress.rows_rejected else ""
    return (
        f"<tr><td>{target(progress)}<br><small>{_names(progress)}</small></td>"
        f"<td>{state}{bar(progress)}</td>"
        f"<td>{progress.rows_in_table:,}<br><small class=quiet>of {total(progress)}</small>{rejected}</td>"
        f"<td>{texts.pace(progress)}</td></tr>"
    )


def job_table(rows: Sequence[str], *, head: bool = True) -> str:
    """Put rows of jobs into a table."""
    columns = (("target", 44), ("state", 22), ("in the table", 18), ("speed", 16))
    cells = "".join(f'<th scope="col" style="width:{width}%">{name}</th>' for name, width in columns)
    heads = f"<thead><tr>{cells}</tr></thead>" if head else _widths(columns)
    return f'<table class="jobs">{heads}<tbody>{"".join(rows)}</tbody></table>'


def notes(progress: Progress) -> str:
    """Say why rows were rejected, why a load stopped, and how it goes on."""
    told = ""
    if progress.rows_rejected:
        reason = progress.rejected_message or "no reason is known"
        told += f'<div class="note">{span("bad", f"rejected: {reason}")}</div>'
    elif progress.phase == "done" and not progress.rejected_exact:
        told += f'<div class="note">{span("warn", NOT_TOLD)}</div>'
    if progress.phase in ("failed", "cancelled"):
        why = span(texts.grade(progress), f"{progress.phase}: {progress.message}")
        told += f'<div class="note">{why}{_how_to_go_on(progress)}</div>'
    return told


def _how_to_go_on(progress: Progress) -> str:
    if not texts.resume(progress):
        return ""
    return f"<br>To go on, run the same call with <code>load_id={text(repr(progress.load_id))}</code>"


def hint(words: str) -> str:
    """Draw a quiet line."""
    return f'<div class="note quiet">{text(words)}</div>'


def _head(progress: Progress) -> str:
    return (
        f'<div class="head">{target(progress)}{_names(progress)}'
        f'<span class="state {texts.grade(progress)}">{text(texts.headline(progress))}</span></div>'
    )


def _names(progress: Progress) -> str:
    """Name a load and its channel, which stand behind the target."""
    return f'<span class="quiet">load {text(progress.load_id)}, {text(texts.place(progress))}</span>'


def _timings(progress: Progress) -> str:
    return hint(texts.timings(progress.timings))


def _legend(progress: Progress) -> str:
    told = [
        f'<span><i class="{shade(progress)}"></i>{progress.rows_in_table:,} in the table</span>',
    ]
    if progress.rows_rejected:
        told.append(f'<span><i class="rejected"></i>{refused(progress)}</span>')
    if progress.rows_waiting or not progress.ended:
        told.append(f'<span><i class="sent"></i>{progress.rows_waiting:,} waiting for their commit</span>')
    told.append(f"<span>of {total(progress)} {plural_of(progress.rows_total or 0, 'row')}</span>")
    if progress.rows_skipped:
        told.append(f'<span class="quiet">{progress.rows_skipped:,} sent before this call</span>')
    return f'<div class="legend">{" ".join(told)}</div>'


def _numbers(progress: Progress) -> str:
    ratio, left = progress.wire_ratio, progress.seconds_left
    cells = {"mean": texts.speed(progress.megabytes_per_s * 1e6), "elapsed": texts.elapsed(progress.seconds)}
    if progress.ended:
        cells |= {"row JSON": texts.size(progress.raw_bytes), "on the wire": texts.size(progress.sent_bytes)}
    else:
        cells = {"now": texts.speed(progress.recent_bytes_per_s)} | cells
        cells["time left"] = "–" if left is None or progress.phase == "committing" else texts.duration(left)
    cells |= {
        "wire ratio": "–" if ratio is None else f"{ratio:.1f} : 1",
        "requests": f"{progress.requests:,}",
        "retries": f"{progress.retries:,}",
        "throttled": f"{progress.throttles:,}",
    }
    if progress.reopens:
        cells["reopened"] = f"{progress.reopens:,}"
    inner = "".join(f"<div><small>{name}</small> <b>{value}</b></div>" for name, value in cells.items())
    return f'<div class="numbers">{inner}</div>'


def _offsets(progress: Progress) -> str:
    sent, committed = progress.token_sent, progress.token_committed
    if sent is None:
        return ""
    lag = f"{counted(progress.rows_waiting, 'row')} behind" if progress.rows_waiting else "all that was sent"
    return (
        f'<div class="note"><span class="quiet">offset token sent</span> <code>{text(sent)}</code><br>'
        f'<span class="quiet">committed</span> <code>{text(committed or "none yet")}</code> '
        f'<span class="quiet">({lag})</span></div>'
    )


def _lives(lives: Mapping[str, TokenLife]) -> str:
    return f'<div class="tokens">{"".join(_token(kind, lives.get(kind)) for kind in ("jwt", "scoped"))}</div>'


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
        f'<div class="token"><div class="head"><span>{name}</span>{span(_ALARMS.get(state, ""), left)}</div>'
        f'<div class="track thin" role="progressbar" aria-label="life of the {name}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * share)}" aria-valuetext="{text(left)}">'
        f'<i class="{state}" style="width:{width:.2%}"></i></div>'
        f"<small>{text(texts.token_story(life))}</small></div>"
    )


def _key(fingerprint: str) -> str:
    short = texts.key(fingerprint)
    return f'<span class="quiet">key <code>{text(short)}</code></span>' if short else ""


def _widths(columns: Sequence[tuple[str, int]]) -> str:
    columns_drawn = "".join(f'<col style="width:{width}%">' for _, width in columns)
    return f"<colgroup>{columns_drawn}</colgroup>"
