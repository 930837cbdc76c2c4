"""The parts of a load through several channels: each shows its numbers, and what went wrong."""

import re
from dataclasses import replace

import pytest

from snowpipe_pandas.display import panel, parts, texts
from snowpipe_pandas.streaming.timings import Timings
from tests.display.samples import (
    EIGHT,
    EIGHT_DONE,
    HALF,
    MANY,
    MANY_DONE,
    in_parts,
    part,
    read,
    whole,
    with_role,
)


def rows(html):
    """The rows of the parts' table as texts, without its head."""
    body = html.partition('<table class="parts">')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [read(row)[1] for row in re.findall("<tr.*?</tr>", body)]


@pytest.mark.parametrize("draw", [whole, panel.folded])
def test_every_part_has_a_row_with_its_numbers(draw):
    load = replace(EIGHT, phase="failed", message="one part failed")
    assert rows(draw(load)) == [
        "1 flights-2013/1-of-8 done · 100% 50,001 of 50,001 0.5 MB/s",
        "2 flights-2013/2-of-8 sending · 33% 3 throttled · 2 retries 17,000 of 50,002 0.2 MB/s",
        "3 flights-2013/3-of-8 failed · 40% 20,501 of 50,003 1.5 MB/s",
        "the channel was opened by another writer",
        "4 flights-2013/4-of-8 sending · 47% 24,001 of 50,004 0.4 MB/s",
        "5 flights-2013/5-of-8 sending · 54% 27,502 of 50,005 7 REJECTED 0.5 MB/s",
        "6 flights-2013/6-of-8 sending · 61% 1 reopened 31,003 of 50,006 0.6 MB/s",
        "7 flights-2013/7-of-8 committing · 68% 34,504 of 50,007",
        "8 flights-2013/8-of-8 preparing · 0% 0 of 50,008 0 B/s",
    ]


def test_the_total_is_above_the_parts_and_the_channels_after_the_target():
    html = whole(EIGHT)
    words = read(html)[1]
    assert words.startswith(
        "-> DEMO.PUBLIC.FLIGHTS · sending · 51% · 7 REJECTED · 204,512 of 400,036 rows in the table · "
        "5,993 waiting · 2.8 MB/s · 0:01 left"
    )
    assert "load flights-2013, 1 of 8 channels done, 1 failed" in words
    assert html.index("speed over") < html.index("flights-2013/1-of-8")
    folded = read(panel.folded(EIGHT_DONE))[1]
    assert folded.startswith("-> DEMO.PUBLIC.FLIGHTS · done · 100% · 400,036 rows in the")
    assert "load flights-2013, 8 channels" in folded


@pytest.mark.parametrize("load", [EIGHT, MANY, MANY_DONE], ids=["rows", "tiles", "many rows"])
def test_each_bar_shows_its_part_to_screen_readers(load):
    bars = with_role(parts.drawn(load), "progressbar")
    for number, one in enumerate(load.parts, 1):
        name = f"part {number} of DEMO.PUBLIC.FLIGHTS, load flights-2013"
        found = [bar for bar in bars if bar["aria-label"] == name]
        assert found
        for bar in found:
            said = (
                f"{one.rows_in_table:,} of {one.rows_total:,} rows in the table, {one.rows_waiting:,} waiting"
            )
            assert bar["aria-valuetext"].endswith(said)
            assert bar["aria-valuenow"] == texts.percent(one).rstrip("%")


def test_a_part_shows_its_own_offset_tokens():
    one, other = part(1, token_sent="a:2", token_committed="a:1"), part(2, token_sent="b:1")
    same = part(3, token_sent="c:1", token_committed="c:1")
    below = [row for row in rows(parts.drawn(in_parts(one, other, same))) if "offset token" in row]
    assert below == [
        "offset token sent a:2 , committed a:1",
        "offset token sent b:1 , committed none yet",
        "offset token sent and committed c:1",
    ]


def test_many_parts_are_tiles_that_show_all_in_their_titles():
    html = parts.drawn(MANY)
    tiles = [a for tag, a in read(html)[0] if a.get("class") == "tile"]
    assert len(tiles) == 32
    for number, (one, tile) in enumerate(zip(MANY.parts, tiles, strict=True), 1):
        words = f"flights-2013/{number}-of-32: {texts.headline(one)}, {texts.rows(one)}, {texts.pace(one)}"
        assert tile["title"] == words
    assert "1 done 2 done" in read(html)[1]
    assert "6 failed 7 68%" in read(html)[1]


def test_of_many_parts_those_that_need_a_look_have_rows_too():
    assert rows(parts.drawn(MANY)) == [
        "6 flights-2013/6-of-32 failed · 61% 31,003 of 50,006 3.0 MB/s",
        "the disk is full",
    ]
    rejected = replace(MANY, parts=(*MANY.parts[:-1], replace(MANY.parts[-1], rows_rejected=3, throttles=2)))
    html = parts.drawn(rejected)
    (*_, last) = rows(html)
    assert "3 REJECTED" in last
    assert "2 throttled" in last
    assert html.count('title="') == 32
    assert ", 2 throttled" in html.rpartition('title="')[2].partition('"')[0]


def test_a_load_that_is_over_has_a_row_for_each_of_many_parts_which_scroll():
    html = panel.folded(MANY_DONE)
    assert len(rows(html)) == 32
    (region,) = with_role(html, "region")
    assert (region["aria-label"], region["tabindex"]) == ("parts", "0")
    assert "tile" not in html


def test_a_load_through_one_channel_has_no_parts():
    assert parts.drawn(HALF) == ""
    assert "parts" not in whole(HALF)


def test_parts_of_unknown_length_have_no_share():
    load = in_parts(part(1), part(2))
    unknown = replace(load, rows_total=None, parts=tuple(replace(one, rows_total=None) for one in load.parts))
    html = parts.drawn(unknown)
    assert [bar.get("aria-valuenow") for bar in with_role(html, "progressbar")] == [None, None]
    assert "%" not in read(html)[1]
    assert "13,500 of ?" in rows(html)[0]


EVIL = '<img src=x onerror="alert(1)">\x1b[2J'


@pytest.mark.parametrize("number", [2, 9])
@pytest.mark.parametrize("phase", ["sending", "failed", "done"])
def test_names_and_reasons_put_nothing_into_the_page(number, phase):
    changes = {"channel": EVIL, "target": EVIL, "load_id": EVIL, "message": EVIL, "rejected_message": EVIL}
    evil = part(1, phase=phase, rows_rejected=1, **changes)
    html = whole(replace(in_parts(*[evil] * number, rejected_message=EVIL), target=EVIL))
    elements, text = read(html)
    assert "img" not in [tag for tag, _ in elements]
    assert html.isprintable()
    assert r"\x1b[2J" in text


def test_timings_stand_in_the_details():
    timed = replace(HALF, timings=Timings(encode=1.2, compress=0.8, wait=0.1, send=3.4, commit=0.3))
    words = "encode 1.2 s · compress 0.8 s · wait 0.1 s · send 3.4 s · commit 0.3 s"
    for html in (whole(timed), panel.folded(replace(timed, phase="done"))):
        assert words in read(html)[1]
