"""Small charts as inline SVG: speed and commit lag over a load's run."""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ..shown import counted
from ..streaming.history import Sample
from ..streaming.progress import Progress
from . import texts

WIDTH, HEIGHT = 300.0, 56.0
BINS = 48
MIN_BIN_S = 0.25
"""Shorter than the time of a request, a bin would show their beat instead of the speed."""


def charts(progress: Progress) -> str:
    """Draw both charts of a run so far; "" before there is anything to draw."""
    samples, seconds = progress.samples, progress.seconds
    if len(samples) < 2 or seconds <= 0:
        return ""
    rates = speeds(samples, seconds, sending=progress.phase == "sending")
    lags = [(sample.seconds, float(sample.rows_lag)) for sample in samples]
    if not progress.ended:  # else the line ends with the last sample
        lags.append((seconds, lags[-1][1]))
    top_rate, top_lag = max(rates), max(lag for _, lag in lags)
    step = seconds / len(rates)
    spots = [(step * i, rate) for i, rate in enumerate(rates)] + [(seconds, rates[-1])]
    return (
        '<div class="charts">'
        + _figure("speed", f"peak {texts.speed(top_rate)}", spots, top_rate, seconds, "go")
        + _figure(
            "waiting for commit", f"peak {counted(round(top_lag), 'row')}", lags, top_lag, seconds, "warn"
        )
        + "</div>"
    )


def speeds(samples: Sequence[Sample], seconds: float, *, sending: bool) -> list[float]:
    """Return bytes per second in equal parts of the run; between two requests' ends the speed is even.

    Args:
        samples: the run so far.
        seconds: how long it has been.
        sending: whether a request is under way. It counts as one like the last one that ends now, or at the
            pace of the last one while it has not taken as long: until it ends that is the best estimate, and
            0 would be wrong.
    """
    ends = [samples[0], *(b for a, b in pairwise(samples) if b.raw_bytes > a.raw_bytes)]
    if sending and len(ends) > 1 and seconds > ends[-1].seconds:
        before, last = ends[-2:]
        pause = max(last.seconds - before.seconds, seconds - last.seconds)
        part = (seconds - last.seconds) / pause
        more = int(part * (last.raw_bytes - before.raw_bytes))
        ends.append(Sample(seconds, last.raw_bytes + more, last.rows_lag))
    bins = max(1, min(BINS, int(seconds / MIN_BIN_S)))
    edges = [seconds * i / bins for i in range(bins + 1)]
    counts = [_bytes_at(ends, edge) for edge in edges]
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
    """Draw steps: each value holds until the next spot.

    Size, colours and the labels around it come from the style sheet: so a viewer that removes style or
    pictures shows no labels without a chart.
    """
    label = html.escape(f"{name} over {texts.elapsed(seconds)}, {peak}")
    return (
        f'<figure data-name="{html.escape(name)}" data-peak="{html.escape(peak)}" '
        f'data-end="{texts.elapsed(seconds)}">'
        f'<svg class="{color}" role="img" aria-label="{label}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" '
        f'preserveAspectRatio="none" width="0" height="0" fill="none">'
        f'<path class="area" d="M0 {HEIGHT:.0f}{_steps(spots, top, seconds)}V{HEIGHT:.0f}Z"/>'
        f'<path class="edge" d="M0 {_y(spots[0][1], top)}{_steps(spots, top, seconds)}" '
        f'vector-effect="non-scaling-stroke"/></svg></figure>'
    )


def _steps(spots: list[tuple[float, float]], top: float, seconds: float) -> str:
    return "".join(f"H{WIDTH * x / seconds:.1f}V{_y(y, top)}" for x, y in spots)


def _y(value: float, top: float) -> str:
    share = value / top if top > 0 else 0.0
    return f"{HEIGHT - 2 - share * (HEIGHT - 4):.1f}"
