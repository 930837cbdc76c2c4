"""The notebook's views as HTML: what they show, to whom, and that nothing foreign gets into them."""

import re
from dataclasses import replace

import pytest

from snowpipe_pandas.display import jobs, panel
from snowpipe_pandas.display.pieces import bar as drawn_bar
from snowpipe_pandas.display.style import STYLE, boxed
from tests.display.samples import (
    AGAIN_REJECTED,
    COUNT_UNKNOWN,
    DONE,
    DUE,
    ENDLESS,
    EXPIRED,
    GOOD,
    HALF,
    NOT_WAITED_FOR,
    REJECTED,
    UNKNOWN,
    read,
    whole,
    with_role,
)


def test_a_running_load_shows_everything():
    text = read(whole(HALF))[1]
    for fact in (
        "-> DEMO.PUBLIC.FLIGHTS · sending · 30% · 300 of 1,000 rows in the table · 200 waiting",
        "300 in the table · 200 waiting for their commit · of 1,000 rows · 100 sent before this call",
        "load flights-2013, channel notebook-1",
        "elapsed 2.0 s",
        "mean speed 4.0 MB/s",
        "wire ratio 4.0 : 1",
        "requests 4",
        "retries 1",
        "throttled 0",
        "offset token sent flights-2013:500:0123456789abcdef",
        "committed flights-2013:300:fedcba9876543210 (200 rows behind)",
        "client DEMO_USER · LOCAL · key SHA256:lgoxN4Wk…",
        "access tokens ok, 59 min",
    ):
        assert fact in text


def test_a_running_load_is_one_line_with_separators_and_no_word_of_a_picture():
    words = read(panel.line(HALF))[1]
    assert words == (
        "-> DEMO.PUBLIC.FLIGHTS · sending · 30% · 300 of 1,000 rows in the table · 200 waiting · 4.0 MB/s · "
        "0:02 left"
    )
    numbers = re.findall(r'<span class="n">(.*?)</span>', panel.line(HALF))  # no line is broken in them
    assert numbers == ["300 of 1,000 rows in the table", "200 waiting", "4.0 MB/s", "0:02 left"]


def layers(html):
    """The parts of a bar: kind and width in percent."""
    return re.findall(r'<i class="(\w*)" style="width:([\d.]+)%"', html)


def test_the_bar_has_a_part_for_each_fate_and_shows_them_to_screen_readers():
    html = drawn_bar(HALF)
    assert layers(html) == [("", "30.00"), ("sent", "20.00")]
    (bar,) = with_role(html, "progressbar")
    assert bar["aria-label"] == "DEMO.PUBLIC.FLIGHTS, load flights-2013"
    assert bar["aria-valuenow"] == "30"
    assert bar["aria-valuetext"] == "300 of 1,000 rows in the table, 200 waiting"
    html = drawn_bar(replace(HALF, rows_rejected=50))
    assert layers(html) == [("", "30.00"), ("rejected", "5.00"), ("sent", "15.00")]
    (bar,) = with_role(html, "progressbar")
    assert bar["aria-valuetext"].startswith("50 rows rejected, 300 of 1,000 rows in the table")


def test_the_bar_of_a_load_that_was_sent_and_not_committed_is_empty():
    (bar,) = with_role(drawn_bar(NOT_WAITED_FOR), "progressbar")
    assert bar["aria-valuenow"] == "0"
    assert layers(drawn_bar(NOT_WAITED_FOR)) == [("sent", "100.00")]


@pytest.mark.parametrize("phase", ["sending", "committing", "failed"])
def test_without_a_known_end_the_bar_has_no_value(phase):
    html = drawn_bar(replace(UNKNOWN, phase=phase))
    (bar,) = with_role(html, "progressbar")
    assert "aria-valuenow" not in bar
    assert bar["aria-valuetext"] == "300 of an unknown number of rows in the table, 200 waiting"
    assert layers(html) == []


@pytest.mark.parametrize(
    "progress", [REJECTED, AGAIN_REJECTED, COUNT_UNKNOWN], ids=["now", "again", "unknown"]
)
def test_a_load_that_ends_with_rejected_rows_is_amber_and_says_so_in_its_first_line(progress):
    words = "done, rejected rows unknown" if progress is COUNT_UNKNOWN else "done, 7 REJECTED"
    for html in (whole(progress), panel.folded(progress), jobs.table([progress])):
        assert re.search(rf'class="(state )?warn">{words}', html)
        assert not re.search(r'class="[^"]*\bok\b', html)
    first = panel.folded(progress).partition("</summary>")[0]
    assert f'<span class="state warn">{words}' in first


def test_a_load_is_green_if_every_row_is_there():
    assert '<span class="state ok">done · 100%</span>' in panel.folded(DONE)
    assert layers(drawn_bar(DONE)) == [("ok", "100.00")]


def test_a_service_that_does_not_report_its_rejections_is_named():
    assert "the service does not report how many rows it rejected" in panel.notes(COUNT_UNKNOWN)
    assert "does not report" not in panel.notes(DONE)


def test_pictures_have_a_name_and_a_title():
    html = whole(HALF)
    names = [picture["aria-label"] for picture in with_role(html, "img")]
    assert names == ["speed over 2.0 s, peak 5.0 MB/s", "waiting for commit over 2.0 s, peak 200 rows"]


def test_rejected_rows_are_red_and_carry_the_services_message():
    html = whole(replace(HALF, rows_rejected=7, rejected_message="column NAME is NOT NULL"))
    assert '<span class="bad">7 REJECTED</span>' in html
    assert '<span class="bad">rejected: column NAME is NOT NULL</span>' in html
    silent = whole(replace(HALF, rows_rejected=1))
    assert "1 REJECTED" in silent
    assert "no reason is known" in silent


def test_reopened_channels_are_reported_when_there_were_some():
    assert "reopened" not in whole(HALF)
    assert "reopened 2" in read(whole(replace(HALF, reopens=2)))[1]


@pytest.mark.parametrize(
    ("life", "shade", "width"),
    [(GOOD, "good", 98.36), (DUE, "due", 8.33), (EXPIRED, "expired", 100.0), (ENDLESS, "good", 100.0)],
    ids=["good", "due", "expired", "endless"],
)
def test_a_tokens_bar_runs_down_and_changes_its_colour(life, shade, width):
    html = panel.client("LOCAL", "DEMO_USER", "SHA256:abc", {"jwt": life})
    assert f'<i class="{shade}" style="width:{width:.2f}%">' in html
    assert [bar["aria-label"] for bar in with_role(html, "progressbar")] == [
        "life of the JWT",
        "life of the scoped token",
    ]


def test_a_token_that_was_not_needed_yet_says_so():
    text = read(panel.client("LOCAL", "DEMO_USER", "", {"jwt": GOOD}))[1]
    assert "scoped token none yet made when it is needed" in text
    assert "key" not in text


def test_a_closed_client_keeps_its_tokens_lives():
    text = read(panel.client("LOCAL", "DEMO_USER", "SHA256:abc", {"jwt": GOOD}, "closed"))[1]
    assert text.startswith("DEMO_USER · LOCAL · key SHA256:abc · closed JWT 59:01 left")


@pytest.mark.parametrize(("life", "shown"), [(GOOD, False), (DUE, True), (EXPIRED, True)])
def test_a_load_shows_tokens_by_themselves_only_if_one_needs_a_look(life, shown):
    bars = with_role(panel.details(replace(HALF, tokens={"jwt": life, "scoped": GOOD})), "progressbar")
    assert ("life of the JWT" in [bar["aria-label"] for bar in bars]) is shown


def test_a_finished_load_is_one_line_that_opens():
    html = panel.folded(DONE)
    elements = [tag for tag, _ in read(html)[0]]
    assert elements[:2] == ["details", "summary"]
    assert (
        "-> DEMO.PUBLIC.FLIGHTS · done · 100% · 1,000 rows in the table · 4.0 MB/s · 2.0 s 1,000 in the table"
        in read(html)[1]
    )
    assert "on the wire 2.0 MB" in read(html)[1]
    assert " left" not in read(html)[1]


@pytest.mark.parametrize(("phase", "shade"), [("failed", "bad"), ("cancelled", "warn")])
def test_a_stopped_load_shows_why_and_how_to_go_on_without_being_opened(phase, shade):
    html = panel.folded(replace(HALF, phase=phase, message="the disk is full"))
    below = html.partition("</details>")[2]
    assert f'<span class="{shade}">{phase}: the disk is full</span>' in below
    assert "load_id='flights-2013'" in read(below)[1]


def test_a_load_that_has_not_begun_can_be_drawn():
    fresh = replace(
        HALF,
        phase="preparing",
        rows_total=None,
        rows_skipped=0,
        rows_sent=0,
        rows_acknowledged=0,
        rows_in_table=0,
        raw_bytes=0,
        sent_bytes=0,
        token_sent=None,
        token_committed=None,
        seconds=0.0,
        samples=(),
        tokens={},
    )
    text = read(whole(fresh))[1]
    assert "preparing" in text
    assert "0 in the table" in text
    assert "of ? rows" in text


def test_jobs_are_rows_of_one_table_with_their_total():
    other = replace(REJECTED, channel="notebook-2", rows_total=1000)
    html = jobs.whole_table([HALF, other])
    tags = [tag for tag, _ in read(html)[0]]
    assert (tags.count("table"), tags.count("tr")) == (1, 4)
    words = read(html)[1]
    first = "-> DEMO.PUBLIC.FLIGHTS load flights-2013, channel notebook-1 sending · 30% 300 of 1,000 4.0 MB/s"
    assert first in words
    assert "total 2 jobs 1 running · 64% 1,293 of 2,000 7 REJECTED 4.0 MB/s" in words
    assert "total" not in jobs.whole_table([HALF])


@pytest.mark.parametrize(
    ("phases", "grade"),
    [
        (("done", "done"), "ok"),
        (("done", "failed", "cancelled"), "bad"),
        (("done", "cancelled"), "warn"),
        (("failed", "sending"), ""),
        (("paused", "done"), "warn"),
    ],
)
def test_the_total_of_jobs_is_as_bad_as_the_worst_of_them(phases, grade):
    states = [DONE if phase == "done" else replace(HALF, phase=phase) for phase in phases]
    shown = re.findall(r'<td><span class="(\w*)">', jobs.sum_table(states))
    assert shown[0] == grade


def test_live_rows_keep_the_columns_of_the_table():
    tables = (jobs.table([HALF]), jobs.table([HALF], head=False), jobs.sum_table([HALF, DONE]))
    widths = {tuple(re.findall(r'<col style="width:(\d+)%', table)) for table in tables}
    assert len(widths) == 1


def test_a_paused_load_is_amber_and_its_swatch_has_the_colour_of_its_bar():
    paused = replace(HALF, phase="paused")
    assert layers(drawn_bar(paused)) == [("warn", "30.00"), ("sent", "20.00")]
    for progress in (HALF, paused, DONE, REJECTED):
        drawn = [kind for kind, _ in layers(drawn_bar(progress))]
        assert re.findall(r'<i class="(\w*)"></i>', panel.details(progress)) == drawn


def test_control_and_bidi_characters_are_shown():
    evil = replace(
        HALF, phase="failed", load_id="a\x9b31m", channel="b\u202e", message="c\x1b[2J\nd", target="e\x07"
    )
    for html in (whole(evil), panel.folded(evil), jobs.table([evil]) + panel.notes(evil)):
        assert html.isprintable()
        for words in (r"a\x9b31m", r"b\u202e", r"c\x1b[2J\nd", r"e\x07"):
            assert words in html


EVIL = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize("phase", ["sending", "failed", "done"])
def test_names_and_messages_cannot_put_elements_into_the_page(phase):
    evil = replace(
        HALF,
        target=EVIL,
        load_id=EVIL,
        channel=EVIL,
        account=EVIL,
        user=EVIL,
        fingerprint=EVIL,
        message=EVIL,
        phase=phase,
        rows_rejected=1,
        rejected_message=EVIL,
        token_sent=EVIL,
        token_committed=EVIL,
        tokens={"jwt": replace(GOOD, reason=EVIL)},
    )
    for html in (whole(evil), panel.folded(evil), jobs.table([evil])):
        assert "img" not in [tag for tag, _ in read(html)[0]]
        assert "onerror" in read(html)[1] + html
    assert "img" not in [tag for tag, _ in read(panel.client(EVIL, EVIL, EVIL, {}))[0]]


def test_the_look_needs_nothing_from_elsewhere():
    html = boxed(whole(HALF))
    assert not re.search(r"https?:|url\(|@import|<script|<link|javascript:", html)
    assert "prefers-color-scheme: dark" in STYLE
    assert "--jp-" in STYLE
    assert "--vscode-" in STYLE
