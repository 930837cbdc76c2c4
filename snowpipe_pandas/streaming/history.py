"""How a load went over time, in bounded memory: what its chart and its present speed are made from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_SAMPLES = 160
"""A chart can't show more; when there are more, every second one is dropped."""

FIRST_GAP_S = 0.05
RECENT_S = 5.0
"""What "now" means in "MB/s now"."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A load's counts at one moment.

    Attributes:
        seconds: since the load began.
        raw_bytes: NDJSON acknowledged so far.
        rows_lag: rows acknowledged and not committed.
    """

    seconds: float
    raw_bytes: int
    rows_lag: int


class History:
    """The samples of one load, from its beginning to the latest."""

    def __init__(self) -> None:
        self._kept = [Sample(0.0, 0, 0)]
        self._gap_s = FIRST_GAP_S
        self._recent: deque[Sample] = deque(self._kept)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """At most `MAX_SAMPLES`, the first and the latest among them."""
        return tuple(self._kept)

    def add(self, sample: Sample) -> None:
        """Take in the latest sample; one that follows too closely replaces the one before it."""
        if len(self._kept) > 1 and sample.seconds - self._kept[-2].seconds < self._gap_s:
            self._kept[-1] = sample
        else:
            self._kept.append(sample)
        if len(self._kept) > MAX_SAMPLES:
            self._kept = [*self._kept[:-1:2], self._kept[-1]]
            self._gap_s *= 2
        if sample.raw_bytes != self._recent[-1].raw_bytes:
            self._recent.append(sample)
            self._forget(sample.seconds)

    def bytes_per_s(self, seconds: float) -> float:
        """Return the speed over the last `RECENT_S` seconds before `seconds`.

        Bytes come by requests, so it is taken over whole ones. The one that is under way counts as if it took
        as long as the one before it, and slows the speed down only once it takes longer.
        """
        self._forget(seconds)
        if len(self._recent) < 2:
            return 0.0
        first, before, last = self._recent[0], self._recent[-2], self._recent[-1]
        overdue = max(0.0, (seconds - last.seconds) - (last.seconds - before.seconds))
        span = last.seconds - first.seconds + overdue
        return (last.raw_bytes - first.raw_bytes) / span if span > 0 else 0.0

    def _forget(self, seconds: float) -> None:
        """Keep one sample at or before the beginning of the window, and the latest two."""
        while len(self._recent) > 2 and self._recent[1].seconds <= seconds - RECENT_S:
            self._recent.popleft()
