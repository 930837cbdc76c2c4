"""The words and numbers that every view is made of."""

from dataclasses import replace

import pytest

from snowpipe_pandas.display import texts
from tests.display.samples import DUE, ENDLESS, EXPIRED, GOOD, HALF


def test_the_line_tells_rows_commits_speed_time_requests_and_token():
    line = texts.line(HALF)
    for fact in (
        "50%",
        "500/1,000 rows",
        "300 committed",
        "4.0 MB/s",
        "0:02 to go",
        "4 requests",
        "token 59:01",
    ):
        assert fact in line


def test_rejected_rows_and_retries_show_only_when_there_are_some():
    assert "7 REJECTED" in texts.line(replace(HALF, rows_rejected=7))
    assert "REJECTED" not in texts.line(HALF)
    assert "1 retry" in texts.line(HALF)
    assert "retr" not in texts.line(replace(HALF, retries=0))


@pytest.mark.parametrize(
    ("life", "text", "state"),
    [
        (None, "none yet", "none"),
        (GOOD, "59:01", "good"),
        (DUE, "5:00", "due"),
        (EXPIRED, "expired", "expired"),
        (ENDLESS, "no end known", "good"),
    ],
    ids=["none", "good", "due", "expired", "endless"],
)
def test_a_token_counts_down_and_says_when_it_is_due(life, text, state):
    assert (texts.countdown(life), texts.token_state(life)) == (text, state)


def test_a_token_tells_when_and_why_it_was_made():
    assert texts.token_story(GOOD) == "made 0:59 ago: first use; renewed when used in its last 6:00"
    assert texts.token_story(ENDLESS) == "made 0:05 ago: first use"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3600, "1:00:00"), (-3, "0:00")])
def test_a_duration_reads_like_a_clock(seconds, text):
    assert texts.duration(seconds) == text


@pytest.mark.parametrize(
    ("committed", "sent", "drawn"),
    [
        (0.0, 0.0, "░" * 10),
        (0.3, 0.5, "███▒▒░░░░░"),
        (1.0, 1.0, "█" * 10),
        (1.7, 1.7, "█" * 10),
        (0.999, 1.0, "█" * 9 + "▒"),
    ],
)
def test_a_bar_shows_committed_over_sent(committed, sent, drawn):
    assert texts.bar(committed, sent, 10) == drawn


def test_a_hundred_percent_is_not_said_before_it_is_true():
    assert texts.percent(replace(HALF, rows_sent=899)) == "99%"
    assert texts.percent(replace(HALF, rows_sent=900)) == "100%"


def test_a_source_of_unknown_length_has_no_percentage_until_it_is_done():
    unknown = replace(HALF, rows_total=None)
    assert "%" not in texts.line(unknown)
    assert texts.shares(unknown) == (300 / 500, 1.0)
    assert texts.percent(replace(unknown, phase="done")) == "100%"
    assert texts.shares(replace(unknown, rows_skipped=0, rows_sent=0)) is None


def test_a_frame_without_rows_is_all_there():
    assert texts.shares(replace(HALF, rows_total=0, rows_skipped=0, rows_sent=0)) == (1.0, 1.0)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
def test_a_line_fits_any_width_and_drops_the_least_important_first(width):
    text = texts.line(HALF, width=width)
    assert len(text) <= width
    if width >= 80:
        assert "token 59:01" in text
        assert "▒" in text
    if width >= 40:
        assert "500/1,000 rows" in text


def test_the_short_form_is_one_line_that_jupyter_does_not_cut():
    text = texts.short(
        replace(HALF, rows_total=10**12, rows_sent=10**11, message="x" * 200, load_id="y" * 200)
    )
    assert len(text) <= 110
    assert "\n" not in text


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_stopped_load_tells_how_it_goes_on(phase):
    assert "load_id='flights-2013'" in texts.resume(replace(HALF, phase=phase))
    assert texts.resume(HALF) == ""


def test_the_summary_tells_what_became_durable():
    done = replace(HALF, phase="done", rows_sent=900, rows_committed=1000)
    assert texts.summary(done) == "1,000 rows committed in 2.0 s · 4.0 MB/s"
    stopped = replace(HALF, phase="cancelled")
    assert texts.summary(stopped).startswith("at least 300 of 1,000 rows committed")
    assert texts.summary(replace(stopped, rows_committed=500)).startswith("500 of 1,000 rows committed")
    again = replace(HALF, phase="done", rows_skipped=1000, rows_sent=0, rows_committed=1000)
    assert texts.summary(again) == "nothing to send: all 1,000 rows were committed"


@pytest.mark.parametrize(
    ("count", "size", "speed"),
    [
        (0, "0.0 kB", "0.0 MB/s"),
        (1234, "1.2 kB", "1.2 kB/s"),
        (234_000, "234.0 kB", "0.2 MB/s"),
        (42_400_000, "42.4 MB", "42.4 MB/s"),
        (1.2e12, "1,200.00 GB", "1,200,000.0 MB/s"),
    ],
)
def test_sizes_and_speeds_are_readable_at_any_scale(count, size, speed):
    assert (texts.size(count), texts.speed(count)) == (size, speed)
