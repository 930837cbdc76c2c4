"""The chart's numbers: speed from samples, steps from counts."""

import re
from dataclasses import replace

import pytest

from snowpipe_pandas.display.chart import BINS, HEIGHT, charts, speeds
from snowpipe_pandas.streaming.history import Sample
from tests.display.samples import HALF, read


def test_the_speed_of_each_part_adds_up_to_the_bytes_that_were_sent():
    samples = (Sample(0.0, 0, 0), Sample(3.0, 900, 0), Sample(4.0, 1000, 0), Sample(9.0, 5000, 0))
    parts = speeds(samples, 10.0, sending=False)
    assert sum(parts) * 10.0 / len(parts) == pytest.approx(5000)
    assert parts[0] == pytest.approx(300)
    assert parts[-1] == 0


def test_a_request_under_way_does_not_let_the_speed_fall_to_nothing():
    samples = (Sample(0.0, 0, 0), Sample(2.0, 2_000_000, 0), Sample(4.0, 4_000_000, 0))
    seen = [4.0 + 0.1 * step for step in range(1, 200)]
    last = [speeds(samples, seconds, sending=True)[-1] for seconds in seen]
    assert last[:20] == pytest.approx([1e6] * 20, rel=1e-4)  # as long as the one before it took
    assert last[20:] == pytest.approx(sorted(last[20:], reverse=True), rel=1e-4)  # then it slows down
    assert last[-1] == pytest.approx(2e6 / 19.9, rel=0.01)


def test_commits_between_two_requests_change_no_speed():
    samples = (Sample(0.0, 0, 0), Sample(2.0, 2000, 9), Sample(2.5, 2000, 0), Sample(4.0, 4000, 9))
    assert speeds(samples, 4.0, sending=True) == pytest.approx([1000] * 16)


def test_a_long_run_has_no_more_parts_than_there_is_room_for():
    assert len(speeds((Sample(0.0, 0, 0), Sample(9999.0, 9, 0)), 10_000.0, sending=True)) == BINS
    assert len(speeds((Sample(0.0, 0, 0), Sample(0.1, 9, 0)), 0.1, sending=True)) == 1


def test_there_is_no_chart_before_there_is_anything_to_draw():
    assert charts(replace(HALF, samples=(), seconds=0.0)) == ""
    assert charts(replace(HALF, samples=(Sample(0.0, 0, 0),), seconds=5.0)) == ""


def test_the_lines_stay_inside_their_picture():
    nothing_sent = replace(HALF, phase="done", samples=(Sample(0.0, 0, 0), Sample(1.0, 0, 0)), seconds=1.0)
    for html in (charts(HALF), charts(nothing_sent)):
        heights = [float(y) for y in re.findall(r"V([\d.]+)", html)]
        assert heights
        assert all(0 <= y <= HEIGHT for y in heights)


def test_rows_that_wait_are_drawn_to_the_present_moment():
    assert "H300.0V2.0V56Z" in charts(replace(HALF, seconds=4.0))
    last = replace(HALF.samples[-1], seconds=4.0, rows_lag=0)
    ended = charts(replace(HALF, phase="done", samples=(*HALF.samples, last), seconds=4.0))
    assert "H300.0V54.0V56Z" in ended


def test_a_chart_leaves_no_words_where_it_is_not_drawn():
    assert read(charts(HALF))[1] == ""
