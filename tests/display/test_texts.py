"""The words and numbers that every view is made of."""

from dataclasses import replace

import pytest

from snowpipe_pandas.display import texts
from snowpipe_pandas.display.texts import Shares
from tests.display.samples import (
    AGAIN,
    AGAIN_REJECTED,
    DONE,
    DUE,
    ENDLESS,
    EXPIRED,
    GOOD,
    HALF,
    NOT_WAITED_FOR,
    REJECTED,
    UNKNOWN,
    UNTOLD,
)


def test_the_line_tells_rows_speed_time_requests_and_token():
    line = texts.line(HALF)
    for fact in (
        "30%",
        "300/1,000 rows in the table",
        "200 waiting",
        "4.0 MB/s",
        "0:02 to go",
        "4 requests",
        "token 59:01",
    ):
        assert fact in line


def test_rejected_rows_and_retries_show_only_when_there_are_some():
    told = texts.line(replace(HALF, rows_rejected=7)).partition("%  ")[2]
    assert told.startswith("7 REJECTED · 300/1,000")
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
    ("shares", "drawn"),
    [
        (Shares(0.0, 0.0, 0.0), "░" * 10),
        (Shares(0.3, 0.0, 0.2), "███▒▒░░░░░"),
        (Shares(0.3, 0.2, 0.2), "███××▒▒░░░"),
        (Shares(1.0, 0.0, 0.0), "█" * 10),
        (Shares(0.0, 0.0, 1.0), "▒" * 10),
        (Shares(0.999, 0.0, 0.001), "█" * 9 + "▒"),
        (Shares(0.999, 0.001, 0.0), "█" * 9 + "×"),
        (Shares(0.0, 1.0, 0.0), "×" * 10),
        (Shares(0.0, 0.001, 0.0), "×" + "░" * 9),
        (Shares(2 / 3, 1 / 3, 0.0), "██████××××"),
        (Shares(0.7, 0.1, 0.2), "███████×▒▒"),
    ],
)
def test_a_bar_shows_rows_in_the_table_rejected_and_waiting(shares, drawn):
    assert texts.bar(shares, 10) == drawn


def test_a_hundred_percent_is_not_said_before_it_is_true():
    assert texts.percent(replace(HALF, rows_in_table=290)) == "29%"
    assert texts.percent(replace(HALF, rows_acknowledged=1000, rows_in_table=999)) == "99%"
    assert texts.percent(DONE) == "100%"
    assert texts.percent(replace(REJECTED, rows_total=10**6, rows_in_table=10**6 - 1)) == "99%"


@pytest.mark.parametrize(
    ("total", "told"),
    [(1000, "committing ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 0%  0/1,000 rows"), (None, "committing  0 rows in the table")],
    ids=["known", "unknown"],
)
def test_rows_that_are_sent_and_not_in_the_table_are_no_percent(total, told):
    sent = replace(HALF, phase="committing", rows_total=total, rows_acknowledged=1000, rows_in_table=0)
    assert texts.line(sent).startswith(told)


def test_a_load_that_waits_for_no_commit_ends_as_acknowledged():
    told = "acknowledged ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 0%  0/1,000 rows in the table"
    assert texts.line(NOT_WAITED_FOR).startswith(told)
    assert texts.grade(NOT_WAITED_FOR) == ""


def test_a_source_of_unknown_length_has_no_share_until_it_is_done():
    for phase in ("sending", "committing", "failed", "cancelled"):
        unknown = replace(UNKNOWN, phase=phase)
        assert texts.shares(unknown) is None
        assert "%" not in texts.line(unknown)
        assert "█" not in texts.line(unknown)
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
        (UNTOLD, "done, rejected rows not told", "warn"),
        (AGAIN, "already in the table", "ok"),
        (AGAIN_REJECTED, "done, 7 REJECTED", "warn"),
        (replace(DONE, rows_total=2000), "done", "warn"),
        (replace(DONE, rows_total=None), "done", "ok"),
    ],
)
def test_a_load_is_green_only_if_every_row_is_in_the_table(progress, state, grade):
    assert (texts.state(progress), texts.grade(progress)) == (state, grade)
    assert texts.line(progress).startswith(state)
    assert texts.line(progress, width=20).startswith(state[:20])


def test_where_rejections_are_not_told_no_number_is_more_than_a_bound():
    assert "≤100%  at most 1,000/1,000 rows in the table" in texts.line(UNTOLD)
    assert texts.summary(UNTOLD).startswith("at most 1,000 rows in the table")


def test_a_load_that_is_run_again_shows_the_counts_of_its_whole_life():
    assert "99%  993/1,000 rows in the table" in texts.line(AGAIN_REJECTED)
    assert texts.summary(AGAIN_REJECTED) == "nothing to send: 993 of 1,000 rows in the table"
    assert texts.summary(AGAIN) == "nothing to send: 1,000 rows in the table"


def test_control_and_bidi_characters_of_messages_are_shown_not_obeyed():
    line = texts.line(replace(HALF, phase="failed", message="a\x1b[2J\rb\u202ec\nd"))
    assert line.endswith(r"a\x1b[2J\rb\u202ec\nd")
    assert line.isprintable()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
def test_a_line_fits_any_width_and_drops_the_least_important_first(width):
    text = texts.line(HALF, width=width)
    assert len(text) <= width
    if width >= 80:
        assert "token 59:01" in text
        assert "▒" in text
    if width >= 40:
        assert "300/1,000 rows" in text


def test_the_short_form_is_one_line_that_jupyter_does_not_cut():
    text = texts.short(
        replace(HALF, rows_total=10**12, rows_in_table=10**11, message="x" * 200, load_id="y" * 200)
    )
    assert len(text) <= 110
    assert "\n" not in text


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_stopped_load_tells_how_it_goes_on(phase):
    assert "load_id='flights-2013'" in texts.resume(replace(HALF, phase=phase))
    assert texts.resume(HALF) == ""


def test_the_summary_tells_what_became_durable():
    assert texts.summary(DONE) == "1,000 rows in the table in 2.0 s · 4.0 MB/s"
    assert texts.summary(REJECTED).startswith("993 of 1,000 rows in the table in 2.0 s")
    stopped = replace(HALF, phase="cancelled")
    assert texts.summary(stopped).startswith("300 of 1,000 rows in the table at the last look in 2.0 s")
    settled = replace(stopped, rows_in_table=500)
    assert texts.summary(settled).startswith("500 of 1,000 rows in the table in 2.0 s")
    refused = replace(HALF, phase="failed", rows_in_table=493, rows_rejected=7)
    assert texts.summary(refused).startswith("7 REJECTED, 493 of 1,000 rows in the table in 2.0 s")


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
