"""What drawing costs: at five redraws a second, at most 2 % of a run's time."""

import time
from dataclasses import replace

import pytest

from snowpipe_pandas.display.terminal import TerminalView
from snowpipe_pandas.display.ticker import REDRAW_INTERVAL_S
from snowpipe_pandas.streaming.history import MAX_SAMPLES, Sample
from tests.display.samples import HALF, MANY, whole
from tests.display.test_terminal import terminal

SHARE = 0.02
LONG = replace(
    HALF, seconds=1000.0, samples=tuple(Sample(6.25 * n, n * 10**7, n * 1000) for n in range(MAX_SAMPLES))
)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: whole(LONG),
        lambda: whole(replace(LONG, parts=MANY.parts)),
        TerminalView(lambda: LONG, terminal(120)).draw,
        TerminalView(lambda: replace(LONG, parts=MANY.parts), terminal(40)).draw,
    ],
    ids=["html", "html of 32 parts", "terminal", "terminal of 32 parts"],
)
def test_a_redraw_takes_little_of_the_time_between_two(draw):
    draw()
    begin = time.thread_time()
    for _ in range(50):
        draw()
    assert (time.thread_time() - begin) / 50 < SHARE * REDRAW_INTERVAL_S
