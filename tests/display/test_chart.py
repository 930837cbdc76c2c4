"""The chart's numbers: speed from samples, steps from counts."""

import re
from dataclasses import replace

import pytest

from snowpipe_pandas.display.chart import BINS, HEIGHT, charts, speeds
from snowpipe_pandas.streaming.history import Sample
from tests.display.samples import HALF


def test_the_speed_of_each_part_adds_up_to_the_bytes_that_were_sent():
    samples = (Sample(0.0, 0, 0), Sample(3.0, 900, 0), Sample(4.0, 1000, 0), Sample(9.0, 5000, 0))
    parts = speeds(samples, 10.0)
    assert sum(parts) * 10.0 / len(parts) == pytest.approx(5000)
    assert parts[0] == pytest.approx(300)
    assert parts[-1] == 0


def test_a_long_run_has_no_more_parts_than_there_is_room_for():
    assert len(speeds((Sample(0.0, 0, 0), Sample(9999.0, 9, 0)), 10_000.0)) == BINS
    assert len(speeds((Sample(0.0, 0, 0), Sample(0.1, 9, 0)), 0.1)) == 1


def test_there_is_no_chart_before_there_is_anything_to_draw():
    assert charts((), 0.0, ended=False) == ""
    assert charts((Sample(0.0, 0, 0),), 5.0, ended=False) == ""


def test_the_lines_stay_inside_their_picture():
    for html in (
        charts(HALF.samples, HALF.seconds, ended=False),
        charts((Sample(0.0, 0, 0), Sample(1.0, 0, 0)), 1.0, ended=True),
    ):
        heights = [float(y) for y in re.findall(r"V([\d.]+)", html)]
        assert heights
        assert all(0 <= y <= HEIGHT for y in heights)


def test_rows_that_wait_are_drawn_to_the_present_moment():
    running = charts(HALF.samples, 4.0, ended=False)
    assert "H300.0V2.0V56Z" in running
    ended = charts((*HALF.samples, replace(HALF.samples[-1], seconds=4.0, rows_lag=0)), 4.0, ended=True)
    assert "H300.0V54.0V56Z" in ended
