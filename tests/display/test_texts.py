"""The words and numbers that every view is made of."""

from dataclasses import replace

import pytest

from snowpipe_pandas.display import texts
from snowpipe_pandas.streaming.timings import Timings
from tests.display.samples import (
    AGAIN,
    AGAIN_REJECTED,
    ASSUMED,
    COUNT_UNKNOWN,
    DONE,
    DUE,
    ENDLESS,
    EXPIRED,
    GOOD,
    HALF,
    REJECTED,
    UNKNOWN,
)


@pytest.mark.parametrize(
    ("life", "text", "state"),
    [
        (None, "none yet", "none"),
        (GOOD, "59:01", "good"),
        (DUE, "5:00", "due"),
        (EXPIRED, "expired", "expired"),
        (ENDLESS, "no end known", "good"),
        (ASSUMED, "≈59:01", "good"),
    ],
    ids=["none", "good", "due", "expired", "endless", "assumed"],
)
def test_a_token_counts_down_and_says_when_it_is_due(life, text, state):
    assert (texts.countdown(life), texts.token_state(life)) == (text, state)


def test_a_token_shows_when_and_why_it_was_made():
    assert texts.token_story(GOOD) == "made 0:59 ago: first use; renewed when used in its last 6:00"
    assert texts.token_story(ENDLESS) == "made 0:05 ago: first use"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3600, "1:00:00"), (-3, "0:00")])
def test_a_duration_reads_like_a_clock(seconds, text):
    assert texts.duration(seconds) == text


def test_a_hundred_percent_is_not_said_before_it_is_true():
    assert texts.percent(replace(HALF, rows_in_table=290)) == "29%"
    assert texts.percent(replace(HALF, rows_acknowledged=1000, rows_in_table=999)) == "99%"
    assert texts.percent(DONE) == "100%"
    assert texts.percent(replace(REJECTED, rows_total=10**6, rows_in_table=10**6 - 1)) == "99%"


def test_a_source_of_unknown_length_has_no_share_until_it_is_done():
    for phase in ("sending", "committing", "failed", "cancelled"):
        unknown = replace(UNKNOWN, phase=phase)
        assert texts.shares(unknown) is None
        assert texts.percent(unknown) == ""
    assert texts.percent(replace(DONE, rows_total=None)) == "100%"
    assert texts.percent(replace(REJECTED, rows_total=None)) == "99%"


def test_a_frame_without_rows_is_all_there_once_it_is_done():
    none = replace(HALF, rows_total=0, rows_skipped=0, rows_sent=0, rows_acknowledged=0, rows_in_table=0)
    assert texts.percent(replace(none, phase="committing")) == "0%"
    assert texts.percent(replace(none, phase="done")) == "100%"
    assert texts.grade(replace(none, phase="done")) == "ok"


@pytest.mark.parametrize(
    ("progress", "state", "grade"),
    [
        (HALF, "sending", ""),
        (replace(HALF, rows_rejected=7), "sending", "warn"),
        (replace(HALF, phase="paused"), "paused", "warn"),
        (replace(HALF, phase="cancelled"), "cancelled", "warn"),
        (replace(HALF, phase="failed"), "failed", "bad"),
        (replace(HALF, phase="failed", rows_rejected=7), "failed", "bad"),
        (DONE, "done", "ok"),
        (REJECTED, "done, 7 REJECTED", "warn"),
        (replace(REJECTED, rejected_exact=False), "done, at least 7 REJECTED", "warn"),
        (COUNT_UNKNOWN, "done, rejected rows unknown", "warn"),
        (AGAIN, "already in the table", "ok"),
        (AGAIN_REJECTED, "done, 7 REJECTED", "warn"),
        (replace(DONE, rows_total=2000), "done", "warn"),
        (replace(DONE, rows_total=None), "done", "ok"),
    ],
)
def test_a_load_is_green_only_if_every_row_is_in_the_table(progress, state, grade):
    assert (texts.state(progress), texts.grade(progress)) == (state, grade)


def test_a_load_that_is_run_again_is_summed_up_over_its_whole_life():
    assert texts.numbers(AGAIN_REJECTED) == ["nothing to send: 993 of 1,000 rows in the table"]
    assert texts.numbers(AGAIN) == ["nothing to send: 1,000 rows in the table"]


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_stopped_load_shows_how_it_goes_on(phase):
    assert "load_id='flights-2013'" in texts.resume(replace(HALF, phase=phase))
    assert texts.resume(HALF) == ""


def test_the_numbers_of_a_first_line_show_what_is_durable():
    assert texts.numbers(HALF) == ["300 of 1,000 rows in the table", "200 waiting", "4.0 MB/s", "0:02 left"]
    assert texts.numbers(DONE) == ["1,000 rows in the table", "4.0 MB/s", "2.0 s"]
    assert texts.numbers(REJECTED)[0] == "993 of 1,000 rows in the table"
    stopped = replace(HALF, phase="cancelled")
    assert texts.numbers(stopped)[0] == "300 of 1,000 rows in the table at the last check"
    settled = replace(stopped, rows_in_table=500)
    assert texts.numbers(settled)[0] == "500 of 1,000 rows in the table"
    refused = replace(HALF, phase="failed", rows_in_table=493, rows_rejected=7)
    assert texts.numbers(refused)[:2] == ["7 REJECTED", "493 of 1,000 rows in the table"]
    one = replace(DONE, rows_total=1, rows_acknowledged=1, rows_in_table=1)
    assert texts.numbers(one)[0] == "1 row in the table"


def test_a_paused_load_has_no_speed_and_no_time_left():
    paused = replace(HALF, phase="paused")
    assert texts.numbers(paused) == ["300 of 1,000 rows in the table", "200 waiting"]
    assert texts.grade(paused) == "warn"


SHORT = replace(GOOD, expires_in_s=42.0, margin_s=30.0)


@pytest.mark.parametrize(
    ("lives", "text", "grade"),
    [
        ({}, "no token yet", ""),
        ({"jwt": GOOD, "scoped": replace(GOOD, expires_in_s=3000.0)}, "tokens ok, 50 min", ""),
        ({"jwt": ENDLESS, "scoped": ASSUMED}, "tokens ok, ≈59 min", ""),
        ({"jwt": ENDLESS}, "tokens ok, no end known", ""),
        ({"scoped": SHORT}, "tokens ok, 42 s", ""),
        ({"jwt": GOOD, "scoped": DUE}, "scoped token due, 5:00 left", "warn"),
        (
            {"jwt": EXPIRED, "scoped": replace(DUE, assumed=True)},
            "JWT expired, scoped token due, ≈5:00 left",
            "bad",
        ),
    ],
)
def test_tokens_are_one_line_which_names_those_that_need_a_look(lives, text, grade):
    assert (texts.tokens(lives), texts.tokens_grade(lives)) == (text, grade)


@pytest.mark.parametrize(
    ("count", "size", "speed"),
    [
        (0, "0 B", "0 B/s"),
        (99, "99 B", "99 B/s"),
        (100, "0.1 kB", "0.1 kB/s"),
        (1234, "1.2 kB", "1.2 kB/s"),
        (234_000, "234.0 kB", "0.2 MB/s"),
        (42_400_000, "42.4 MB", "42.4 MB/s"),
        (1.2e12, "1,200.00 GB", "1,200,000.0 MB/s"),
    ],
)
def test_sizes_and_speeds_are_readable_at_any_scale(count, size, speed):
    assert (texts.size(count), texts.speed(count)) == (size, speed)


def test_timings_stand_on_one_line():
    spent = Timings(encode=1.23, compress=0.8, wait=0.0, send=125.0, commit=0.34)
    assert texts.timings(spent) == "encode 1.2 s · compress 0.8 s · wait 0.0 s · send 2:05 · commit 0.3 s"
