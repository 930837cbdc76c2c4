"""A load on one line: what it shows, and what remains of it where there is little room."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from snowpipe_pandas.display import texts
from snowpipe_pandas.display.line import bar, line, log_line, short
from snowpipe_pandas.display.texts import Shares
from tests.display.samples import (
    AGAIN,
    AGAIN_REJECTED,
    COUNT_UNKNOWN,
    DONE,
    EIGHT,
    EIGHT_DONE,
    HALF,
    MANY,
    NOT_WAITED_FOR,
    REJECTED,
    UNKNOWN,
)

PAGE = Path(__file__).parents[2] / "docs" / "notebooks.md"
FLIGHTS = replace(HALF, rows_total=336_776, rows_acknowledged=280_000, rows_in_table=225_280)


def written(progress, width=None):
    return str(line(progress, width=width))


def test_the_line_shows_rows_speed_time_requests_and_token():
    line = written(HALF)
    assert line.startswith("-> DEMO.PUBLIC.FLIGHTS  sending ")
    for fact in (
        "30%",
        "300/1,000 rows in the table",
        "200 waiting",
        "4.0 MB/s",
        "0:02 left",
        "4 requests",
        "tokens ok, 59 min",
        "load flights-2013 · channel notebook-1",
    ):
        assert fact in line


def test_rejected_rows_and_retries_show_only_when_there_are_some():
    shown = written(replace(HALF, rows_rejected=7), 200).partition("%  ")[2]
    assert shown.startswith("7 REJECTED · 300/1,000")
    assert "REJECTED" not in written(HALF)
    assert "1 retry" in written(HALF)
    assert "retr" not in written(replace(HALF, retries=0))


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
    assert bar(shares, 10) == drawn


@pytest.mark.parametrize(
    ("total", "shown"),
    [(1000, "committing 0%  0/1,000 rows"), (None, "committing  0 rows in the table")],
    ids=["known", "unknown"],
)
def test_rows_that_are_sent_and_not_in_the_table_are_no_percent(total, shown):
    sent = replace(HALF, phase="committing", rows_total=total, rows_acknowledged=1000, rows_in_table=0)
    assert written(sent).startswith(f"-> DEMO.PUBLIC.FLIGHTS  {shown}")


def test_a_load_that_waits_for_no_commit_ends_as_acknowledged():
    shown = "  acknowledged 0%  0/1,000 rows in the table"
    assert shown in written(NOT_WAITED_FOR)
    assert texts.grade(NOT_WAITED_FOR) == ""


def test_where_rejections_are_not_reported_no_number_is_more_than_a_bound():
    assert "≤100%  at most 1,000/1,000 rows in the table" in written(COUNT_UNKNOWN)
    assert texts.numbers(COUNT_UNKNOWN)[0] == "at most 1,000 rows in the table"


def test_control_and_bidi_characters_of_messages_are_shown_not_obeyed():
    line = written(replace(HALF, phase="failed", message="a\x1b[2J\rb\u202ec\nd"))
    assert r" · a\x1b[2J\rb\u202ec\nd · load flights-2013" in line
    assert line.isprintable()


def test_the_short_form_is_one_line_that_jupyter_does_not_cut():
    text = short(replace(HALF, rows_total=10**12, rows_in_table=10**11, message="x" * 200, load_id="y" * 200))
    assert len(text) <= 110
    assert "\n" not in text


@pytest.mark.parametrize(
    ("progress", "width", "shown"),
    [
        (
            FLIGHTS,
            119,
            "-> DEMO.PUBLIC.FLIGHTS  sending ██████▒▒░░ 66%  225,280/336,776 rows in the table · "
            "54,720 waiting · 4.0 MB/s",
        ),
        (FLIGHTS, 79, "-> FLIGHTS sending ██████▒▒░░ 66% 225,280/336,776 in table · 54,720 waiting"),
        (FLIGHTS, 59, "-> FLIGHTS sending ██████▒▒░░ 66% 225,280/336,776 in table"),
        (FLIGHTS, 56, "-> FLIGHTS sending ██████▒▒░░ 66% 225,280 in table"),
        (FLIGHTS, 39, "-> FLIGHTS sending 66% 225,280 in table"),
        (FLIGHTS, 30, "sending 66%  225,280 in table"),
        (FLIGHTS, 28, "sending 66% 225,280 in table"),
        (FLIGHTS, 20, "66% 225,280 in table"),
        (FLIGHTS, 19, "sending 66%"),
        (FLIGHTS, 7, "66%"),
        (FLIGHTS, 2, "se"),
        (
            replace(FLIGHTS, rows_rejected=9),
            79,
            "-> FLIGHTS sending ██████×▒░░ 66% 9 REJECTED · 225,280/336,776 in table",
        ),
        (replace(FLIGHTS, rows_rejected=9), 39, "66% 225,280 in table · REJECTED"),
        (replace(FLIGHTS, rows_rejected=9), 30, "66% 225,280 in table"),
        (replace(COUNT_UNKNOWN, rows_total=None), 39, "done ≤100% 1,000 in table"),
        (replace(REJECTED, rejected_exact=False), 39, "≤99% 993 in table · REJECTED"),
        (REJECTED, 39, "done, 7 REJECTED 99%  993 in table"),
    ],
)
def test_what_does_not_fit_goes_the_least_important_first(progress, width, shown):
    assert written(progress, width) == shown


@pytest.mark.parametrize("progress", [HALF, FLIGHTS, COUNT_UNKNOWN, REJECTED, UNKNOWN, EIGHT, MANY, AGAIN])
def test_a_line_fits_any_width_and_cuts_no_number_unseen(progress):
    numbers = {texts.percent(progress), *written(progress).replace("/", " ").split()}
    for width in range(1, 200):
        shown = written(progress, width)
        assert 0 < len(shown) <= width
        found = {word for word in shown.replace("/", " ").split() if word[0].isdigit()}
        assert {word for word in found if not word.endswith("…")} <= numbers | {str(len(progress.parts))}


def test_a_load_that_is_run_again_shows_the_counts_of_its_whole_life():
    assert "99%  993/1,000 rows in the table" in written(AGAIN_REJECTED)


@pytest.mark.parametrize(
    ("target", "wide", "narrow"),
    [
        ("DEMO.PUBLIC.FLIGHTS", "-> DEMO.PUBLIC.FLIGHTS", "-> FLIGHTS"),
        ("pipe DEMO.PUBLIC.P", "-> pipe DEMO.PUBLIC.P", "-> pipe P"),
        ('DEMO.PUBLIC."by day.2013"', '-> DEMO.PUBLIC."by day.2013"', '-> "by day.2013"'),
        ('DEMO.PUBLIC."a "".b"', '-> DEMO.PUBLIC."a "".b"', '-> "a "".b"'),
        ("DEMO.PUBLIC." + "X" * 60, "-> " + "X" * 35 + "…", "-> " + "X" * 15 + "…"),
    ],
)
def test_a_target_is_shortened_to_its_last_name_by_the_width_alone(target, wide, narrow):
    for phase in ("sending", "done"):
        named = replace(FLIGHTS, target=target, phase=phase)
        assert line(named, width=119).target.strip() == wide
        assert line(named, width=59).target.strip() == narrow


@pytest.mark.parametrize(("width", "cells"), [(119, 10), (79, 10), (159, 20), (None, 0)])
def test_the_bar_does_not_jump_as_numbers_grow(width, cells):
    for there in (0, 9, 1234, 280_000):
        shown = written(replace(FLIGHTS, rows_in_table=there), width)
        assert sum(shown.count(cell) for cell in "█▒░") == cells


def test_a_target_holds_nothing_that_a_terminal_obeys():
    evil = replace(HALF, target='D.P."a\x1b[2J\u202e"', load_id="l\x07", channel="c\r")
    for width in (None, 119, 60):
        assert written(evil, width).isprintable()
    assert r'-> D.P."a\x1b[2J\u202e"' in written(evil)
    assert r"load l\x07 · channel c\r" in written(evil)


@pytest.mark.parametrize(
    ("progress", "width", "shown"),
    [
        (EIGHT, None, "204,512/400,036 rows in the table · 1 of 8 channels done, 1 failed · 5,993 waiting"),
        (
            EIGHT,
            None,
            "2.8 MB/s · 0:01 left · tokens ok, 59 min · 32 requests · 2 retries · load flights-2013",
        ),
        (MANY, 119, "935,761/1,600,528 rows in the table · 5 of 32 channels done, 1 failed"),
        (MANY, 79, "935,761/1,600,528 in table · 32 channels"),
        (EIGHT_DONE, 79, "100% 400,036/400,036 in table · 8 channels"),
    ],
)
def test_a_load_in_parts_shows_its_total_and_its_channels(progress, width, shown):
    assert shown in written(progress, width)
    assert "channel flights" not in written(progress, width)


def test_channels_are_distinguished_only_where_they_differ():
    assert texts.channels(EIGHT) == "1 of 8 channels done, 1 failed"
    assert texts.channels(EIGHT_DONE) == "8 channels"
    paused = [replace(part, phase="paused") for part in EIGHT.parts]
    assert texts.channels(replace(EIGHT, parts=tuple(paused))) == "8 channels"
    one = (replace(paused[0], phase="cancelled"), *paused[1:])
    assert texts.channels(replace(EIGHT, parts=one)) == "8 channels, 1 cancelled, 7 paused"


@pytest.mark.parametrize(
    "progress", [FLIGHTS, COUNT_UNKNOWN, REJECTED, EIGHT], ids=["running", "unknown", "bad", "parts"]
)
def test_at_forty_columns_share_and_rows_in_the_table_stay(progress):
    big = replace(progress, rows_in_table=225_280_000, rows_total=336_776_000, rows_acknowledged=336_776_000)
    for one in (progress, big, replace(big, rows_rejected=9_000_000), replace(big, phase="committing")):
        shown = written(one, 39)
        assert f"{texts.percent(one)} " in shown
        assert f"{one.rows_in_table:,} in table" in shown
        assert not one.rows_rejected or "REJECTED" in shown


@pytest.mark.parametrize("progress", [HALF, FLIGHTS, COUNT_UNKNOWN, REJECTED, UNKNOWN, EIGHT])
def test_a_screen_without_utf_8_gets_plain_ascii_that_fits(progress):
    named = replace(progress, target='D.P."größe"', message="…", load_id="naïve")
    for width in range(1, 200):
        shown = str(line(named, width=width, ascii_only=True))
        assert shown.isascii()
        assert len(shown) <= width
    assert r'"gr\xf6\xdfe"' in str(line(named, ascii_only=True))
    assert "###" in str(line(DONE, width=100, ascii_only=True))


def test_wide_characters_take_two_cells():
    named = replace(FLIGHTS, target='D.P."航班航班航班航班航班"')
    for width in range(20, 120):
        assert cell_len(written(named, width)) <= width


@pytest.mark.parametrize("progress", [HALF, DONE, REJECTED, EIGHT, UNKNOWN])
def test_a_line_of_a_log_has_no_bar(progress):
    assert not set(log_line(progress)) & set("█×▒░")


def test_the_last_line_of_a_log_says_how_the_load_goes_on():
    assert log_line(HALF) == written(HALF)
    stopped = replace(HALF, phase="failed", message="no answer")
    assert log_line(stopped).endswith("notebook-1; to go on, run the same call with load_id='flights-2013'")
    assert not log_line(DONE).endswith(";")


@pytest.mark.parametrize(
    ("progress", "widths"), [(FLIGHTS, (120, 80, 60, 40)), (MANY, (120, 80, 40))], ids=["one", "parts"]
)
def test_the_page_shows_lines_as_they_are(progress, widths):
    shown = "".join(f"    {written(progress, width - 1)}\n" for width in widths)
    assert f"\n\n{shown}\n" in PAGE.read_text()
