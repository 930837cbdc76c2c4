"""The line of a terminal, and the lines of a log."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from snowpipe_pandas.display import texts
from snowpipe_pandas.display.terminal import LogView, TerminalView, styled
from tests.display.samples import COUNT_UNKNOWN, DONE, HALF, NOT_WAITED_FOR, REJECTED


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Shown:
    """A load whose state the test sets."""

    def __init__(self, progress=HALF):
        self.progress = progress

    def __call__(self):
        return self.progress


def terminal(width):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system="standard")


def old_terminal(width, encoding):
    """A terminal without UTF-8, which fails on characters that it lacks."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    return Console(file=file, force_terminal=True, width=width, color_system="standard")


def drawn_on(console):
    console.file.flush()
    return console.file.buffer.getvalue().decode("ascii")


def without_codes(text):
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_line_is_redrawn_in_place_and_fits(width):
    console, load = terminal(width), Shown()
    view = TerminalView(load, console)
    assert view.draw() is True
    load.progress = replace(HALF, rows_in_table=500)
    view.draw()
    drawn = console.file.getvalue()
    assert "\n" not in drawn
    assert all(len(line) < width for line in without_codes(drawn).split("\r"))
    load.progress = replace(HALF, phase="done")
    assert view.draw() is False
    view.draw_last()
    assert console.file.getvalue().endswith("\n\x1b[?25h")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_without_utf_8_it_is_one_line_of_ascii(encoding):
    evil = replace(HALF, target='D.P."größe"', load_id="naïve", message="…")
    console, load = old_terminal(60, encoding), Shown(evil)
    view = TerminalView(load, console)
    view.draw()
    load.progress = replace(evil, phase="failed", rows_rejected=7)
    view.draw_last()
    drawn = without_codes(drawn_on(console))
    assert "##" in drawn
    assert drawn.count("\n") == 2  # the line, and the one that resumes the load
    assert all(len(line) < 60 for line in drawn.partition("\n")[0].split("\r"))
    assert r"load_id='na\xefve'" in drawn


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_log_without_utf_8_is_ascii(encoding):
    log = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    LogView(Shown(replace(HALF, target='D.P."größe"', message="≤")), log).draw_last()
    assert log.buffer.getvalue().startswith(rb'-> D.P."gr\xf6\xdfe"  sending 30%  300/1,000 rows')


def test_what_a_user_prints_meanwhile_is_above_the_line():
    console = terminal(80)
    view = TerminalView(Shown(), console)
    view.draw()
    console.print("hello")
    view.draw_last()
    lines = [line.rpartition("\r")[2].strip() for line in without_codes(console.file.getvalue()).split("\n")]
    assert lines[0] == "hello"
    assert lines[1].startswith("-> FLIGHTS  sending")


def test_a_stopped_load_leaves_the_line_that_resumes_it():
    console = terminal(40)
    load = Shown(replace(HALF, phase="cancelled", message="the load was cancelled"))
    view = TerminalView(load, console)
    view.draw()
    view.draw_last()
    assert "to go on, run the same call with load_id='flights-2013'" in without_codes(console.file.getvalue())


@pytest.mark.parametrize("load_id", ["part[/]", "[bold]x", "[link=file:///etc/passwd]y[/link]", "a\x1b[2J"])
def test_the_line_that_resumes_is_neither_markup_nor_a_command(load_id):
    console, log = terminal(200), io.StringIO()
    load = Shown(replace(HALF, phase="failed", load_id=load_id, message="[/red] \x1b]0;title\x07 \u202e"))
    TerminalView(load, console).draw_last()
    LogView(load, log).draw_last()
    for drawn in (without_codes(console.file.getvalue()).split("\n"), log.getvalue().split("\n")):
        assert f"run the same call with load_id={load_id!r}" in "".join(drawn)
        assert r"[/red] \x1b]0;title\x07 \u202e" in "".join(drawn)
        assert all(line.replace("\r", "").isprintable() for line in drawn)


def styles(progress):
    """The colours of the state, and of the solid part of the bar."""
    text = styled(progress, 120)
    console = terminal(120)
    places = (text.plain.find(texts.state(progress)), text.plain.find("█"))
    return [str(text.get_style_at_offset(console, at)) for at in places]


@pytest.mark.parametrize(
    ("progress", "state", "solid"),
    [
        (HALF, "bold", "blue"),
        (DONE, "green", "green"),
        (REJECTED, "yellow", "yellow"),
        (COUNT_UNKNOWN, "yellow", "yellow"),
        (replace(HALF, phase="failed"), "bold red", "blue"),
    ],
    ids=["running", "done", "rejected", "unknown", "failed"],
)
def test_a_line_is_green_only_if_every_row_is_in_the_table(progress, state, solid):
    assert styles(progress) == [state, solid]


def test_a_line_that_waits_for_nothing_is_not_green():
    assert styles(NOT_WAITED_FOR)[0] == "bold"


def test_the_last_line_of_a_log_shows_rejected_rows_after_the_target():
    log = io.StringIO()
    LogView(Shown(REJECTED), log).draw_last()
    assert log.getvalue().startswith("-> DEMO.PUBLIC.FLIGHTS  done, 7 REJECTED")


def test_the_last_state_is_written_once_however_often_it_is_asked_for():
    console, log = terminal(80), io.StringIO()
    for view in (TerminalView(Shown(), console), LogView(Shown(), log)):
        view.draw()
        view.draw_last()
        before = console.file.getvalue(), log.getvalue()
        view.draw_last()
        assert (console.file.getvalue(), log.getvalue()) == before


def test_a_load_that_is_over_before_the_first_redraw_still_leaves_its_line():
    console = terminal(80)
    TerminalView(Shown(replace(HALF, phase="done")), console).draw_last()
    assert "300/1,000 in table" in without_codes(console.file.getvalue())


def test_colours_say_nothing_that_the_text_does_not():
    text = styled(replace(HALF, rows_rejected=3), 160)
    assert "3 REJECTED" in text.plain
    assert "█" in text.plain
    assert "×" in text.plain
    assert "▒" in text.plain


def test_a_log_gets_a_line_every_ten_seconds_and_the_last_state():
    stream, clock, load = io.StringIO(), Clock(), Shown()
    view = LogView(load, stream, clock=clock)
    for clock.now in (0.0, 9.9, 10.0, 11.0, 19.9, 20.0):
        view.draw()
    assert len(stream.getvalue().splitlines()) == 2
    load.progress = replace(HALF, phase="failed", message="no answer")
    assert view.draw() is False
    view.draw_last()
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith("-> DEMO.PUBLIC.FLIGHTS  failed")
    assert "no answer" in last
    assert "load_id='flights-2013'" in last
