"""The notebook's views as HTML, pure functions of snapshots: a load, a client's tokens, rows of jobs."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

from ..events import TokenLife
from ..shown import visible
from ..streaming.outcome import NOT_TOLD, rejected
from ..streaming.progress import Progress
from . import texts
from .chart import charts

_ALARMS = {"due": "warn", "expired": "bad"}


def load(progress: Progress) -> str:
    """Draw a load: bar, numbers, charts, offset tokens, access tokens."""
    return _head(progress) + _body(progress) + notes(progress) + tokens(progress)


def folded(progress: Progress) -> str:
    """Draw a load that is over: one line, which opens to the whole view."""
    end = _span(texts.grade(progress), texts.state(progress))
    line = (
        f'<b>{_text(progress.load_id)}</b> <span class="quiet">on {_text(progress.channel)}</span> {end} · '
        f"{_text(texts.summary(progress))}"
    )
    opened = _body(progress) + tokens(progress)
    return f"<details><summary>{line}</summary>{opened}</details>{notes(progress)}"


def _body(progress: Progress) -> str:
    return "".join(
        (
            bar(progress),
            _legend(progress),
            _numbers(progress),
            charts(progress.samples, progress.seconds, ended=progress.ended),
            _offsets(progress),
        )
    )


def client(account: str, user: str, fingerprint: str, lives: Mapping[str, TokenLife] | None) -> str:
    """Draw a client: who it is, and how long its tokens live; None for one that is closed."""
    state = '<span class="state quiet">closed</span>' if lives is None else ""
    who = f"<b>{_text(user)}</b><span>{_text(account)}</span>{_key(fingerprint)}{state}"
    return f'<div class="head">{who}</div>' + ("" if lives is None else _lives(lives))


def tokens(progress: Progress) -> str:
    """Draw who sends, and how long the tokens live."""
    who = (
        f'<div class="head note"><span>{_text(progress.user)}</span>'
        f'<span class="quiet">{_text(progress.account)}</span>{_key(progress.fingerprint)}</div>'
    )
    return who + _lives(progress.tokens)


def bar(progress: Progress) -> str:
    """Draw the bar: rows in the table, rejected and waiting; without an end to measure by, none of them."""
    found = texts.shares(progress)
    total = "an unknown number of" if progress.rows_total is None else f"{progress.rows_total:,}"
    said = f"{progress.rows_in_table:,} of {total} rows in the table, {progress.rows_waiting:,} waiting"
    if progress.rows_rejected:
        said = f"{rejected(progress)} rows rejected, {said}"
    role = f'role="progressbar" aria-label="{_text(f"load {progress.load_id}")}" aria-valuetext="{said}"'
    if found is None:
        return f'<div class="track{"" if progress.ended else " unknown"}" {role}></div>'
    parts = zip((_shade(progress), "rejected", "sent"), found, strict=True)
    layers = "".join(f'<i class="{kind}" style="width:{share:.2%}"></i>' for kind, share in parts if share)
    now = f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{texts.whole_percent(found)}"'
    return f'<div class="track" {role} {now}>{layers}</div>'


def job_row(progress: Progress) -> str:
    """Draw a job as one row of a table."""
    state = _span(texts.grade(progress), texts.headline(progress))
    speed = progress.megabytes_per_s * 1e6 if progress.ended else progress.recent_bytes_per_s
    refused = f"<br>{_rejected(progress)}" if progress.rows_rejected else ""
    return (
        f"<tr><td>{_text(progress.channel)}<br><small class=quiet>{_text(progress.load_id)}</small></td>"
        f"<td>{state}{bar(progress)}</td>"
        f"<td>{progress.rows_in_table:,}<br><small class=quiet>of {_total(progress)}</small>{refused}</td>"
        f"<td>{texts.speed(speed)}</td></tr>"
    )


def job_table(rows: Sequence[str], *, head: bool = True) -> str:
    """Put rows of jobs into a table."""
    columns = (("channel", 24), ("state", 34), ("in the table", 24), ("speed", 18))
    cells = "".join(f'<th scope="col" style="width:{width}%">{name}</th>' for name, width in columns)
    heads = f"<thead><tr>{cells}</tr></thead>" if head else _widths(columns)
    return f'<table class="jobs">{heads}<tbody>{"".join(rows)}</tbody></table>'


def notes(progress: Progress) -> str:
    """Say why rows were rejected, why a load stopped, and how it goes on."""
    told = ""
    if progress.rows_rejected:
        reason = progress.rejected_message or "no reason is known"
        told += f'<div class="note">{_span("bad", f"rejected: {reason}")}</div>'
    elif progress.phase == "done" and not progress.rejected_exact:
        told += f'<div class="note">{_span("warn", NOT_TOLD)}</div>'
    if progress.phase in ("failed", "cancelled"):
        why = _span(texts.grade(progress), f"{progress.phase}: {progress.message}")
        told += f'<div class="note">{why}{_how_to_go_on(progress)}</div>'
    return told


def _how_to_go_on(progress: Progress) -> str:
    if not texts.resume(progress):
        return ""
    return f"<br>To go on, run the same call with <code>load_id={_text(repr(progress.load_id))}</code>"


def hint(words: str) -> str:
    """Draw a quiet line."""
    return f'<div class="note quiet">{_text(words)}</div>'


def _head(progress: Progress) -> str:
    return (
        f'<div class="head"><b>{_text(progress.load_id)}</b>'
        f'<span class="quiet">channel {_text(progress.channel)}</span>'
        f'<span class="state {texts.grade(progress)}">{_text(texts.headline(progress))}</span></div>'
    )


def _legend(progress: Progress) -> str:
    parts = [
        f'<span><i class="{_shade(progress)}"></i>{progress.rows_in_table:,} in the table</span>',
    ]
    if progress.rows_rejected:
        parts.append(f'<span><i class="rejected"></i>{_rejected(progress)}</span>')
    if progress.rows_waiting or not progress.ended:
        parts.append(f'<span><i class="sent"></i>{progress.rows_waiting:,} waiting for their commit</span>')
    parts.append(f"<span>of {_total(progress)} rows</span>")
    if progress.rows_skipped:
        parts.append(f'<span class="quiet">{progress.rows_skipped:,} sent before this call</span>')
    return f'<div class="legend">{" ".join(parts)}</div>'


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
    lag = f"{progress.rows_waiting:,} rows behind" if progress.rows_waiting else "all that was sent"
    return (
        f'<div class="note"><span class="quiet">offset token sent</span> <code>{_text(sent)}</code><br>'
        f'<span class="quiet">committed</span> <code>{_text(committed or "none yet")}</code> '
        f'<span class="quiet">({lag})</span></div>'
    )


def _rejected(progress: Progress) -> str:
    return _span("bad", f"{rejected(progress)} REJECTED")


def _shade(progress: Progress) -> str:
    """Return the colour of rows in the table: green and amber come at the end."""
    return texts.grade(progress) if progress.phase == "done" else ""


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
        f'<div class="token"><div class="head"><span>{name}</span>{_span(_ALARMS.get(state, ""), left)}</div>'
        f'<div class="track thin" role="progressbar" aria-label="life of the {name}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{round(100 * share)}" aria-valuetext="{_text(left)}">'
        f'<i class="{state}" style="width:{width:.2%}"></i></div>'
        f"<small>{_text(texts.token_story(life))}</small></div>"
    )


def _key(fingerprint: str) -> str:
    short = texts.key(fingerprint)
    return f'<span class="quiet">key <code>{_text(short)}</code></span>' if short else ""


def _total(progress: Progress) -> str:
    return "?" if progress.rows_total is None else f"{progress.rows_total:,}"


def _widths(columns: Sequence[tuple[str, int]]) -> str:
    columns_drawn = "".join(f'<col style="width:{width}%">' for _, width in columns)
    return f"<colgroup>{columns_drawn}</colgroup>"


def _span(kind: str, text: str) -> str:
    return f'<span class="{kind}">{_text(text.strip())}</span>'


def _text(value: str) -> str:
    return html.escape(visible(value))
