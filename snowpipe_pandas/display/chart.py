"""Small charts as inline SVG: speed and commit lag over a load's run."""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ..shown import counted
from ..streaming.history import Sample
from . import texts

WIDTH, HEIGHT = 300.0, 56.0
BINS = 48
MIN_BIN_S = 0.25
"""Shorter than the time of a request, a bin would show their beat instead of the speed."""


def charts(samples: Sequence[Sample], seconds: float, *, ended: bool) -> str:
    """Draw both charts; "" before there is anything to draw.

    Args:
        samples: the run so far.
        seconds: how long it has been.
        ended: whether the run is over: the lag's line then ends where it ended.
    """
    if len(samples) < 2 or seconds <= 0:
        return ""
    rates = speeds(samples, seconds)
    lags = [(sample.seconds, float(sample.rows_lag)) for sample in samples]
    if not ended:
        lags.append((seconds, lags[-1][1]))
    top_rate, top_lag = max(rates), max(lag for _, lag in lags)
    step = seconds / len(rates)
    spots = [(step * i, rate) for i, rate in enumerate(rates)] + [(seconds, rates[-1])]
    return (
        '<div class="charts">'
        + _figure("speed", f"peak {texts.speed(top_rate)}", spots, top_rate, seconds, "var(--sp-go)")
        + _figure(
            "waiting for commit",
            f"peak {counted(round(top_lag), 'row')}",
            lags,
            top_lag,
            seconds,
            "var(--sp-warn)",
        )
        + "</div>"
    )


def speeds(samples: Sequence[Sample], seconds: float) -> list[float]:
    """Return bytes per second in equal parts of the run; between two samples the speed is even."""
    bins = max(1, min(BINS, int(seconds / MIN_BIN_S)))
    edges = [seconds * i / bins for i in range(bins + 1)]
    counts = [_bytes_at(samples, edge) for edge in edges]
    return [(after - before) * bins / seconds for before, after in pairwise(counts)]


def _bytes_at(samples: Sequence[Sample], seconds: float) -> float:
    right = bisect_right(samples, seconds, key=lambda sample: sample.seconds)
    if right == 0 or right == len(samples):
        return samples[min(right, len(samples) - 1)].raw_bytes
    before, after = samples[right - 1], samples[right]
    part = (seconds - before.seconds) / (after.seconds - before.seconds)
    return before.raw_bytes + part * (after.raw_bytes - before.raw_bytes)


def _figure(
    name: str, peak: str, spots: list[tuple[float, float]], top: float, seconds: float, color: str
) -> str:
    """Draw steps: each value holds until the next spot."""
    label = html.escape(f"{name} over {texts.elapsed(seconds)}, {peak}")
    return (
        f"<figure><figcaption><span>{html.escape(name)}</span><span>{html.escape(peak)}</span></figcaption>"
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" '
        f'preserveAspectRatio="none"><title>{label}</title>'
        f'<path d="M0 {HEIGHT:.0f}{_steps(spots, top, seconds)}V{HEIGHT:.0f}Z" fill="{color}" '
        f'fill-opacity=".18"/>'
        f'<path d="M0 {_y(spots[0][1], top)}{_steps(spots, top, seconds)}" fill="none" stroke="{color}" '
        f'stroke-width="1.5" stroke-linejoin="round" vector-effect="non-scaling-stroke"/></svg>'
        f"<figcaption><span>0 s</span><span>{texts.elapsed(seconds)}</span></figcaption></figure>"
    )


def _steps(spots: list[tuple[float, float]], top: float, seconds: float) -> str:
    return "".join(f"H{WIDTH * x / seconds:.1f}V{_y(y, top)}" for x, y in spots)


def _y(value: float, top: float) -> str:
    share = value / top if top > 0 else 0.0
    return f"{HEIGHT - 2 - share * (HEIGHT - 4):.1f}"
