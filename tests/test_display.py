"""The views are drawn from snapshots alone: no load runs here."""

import io
from dataclasses import replace

import pytest

from snowpipe_pandas.display import texts
from snowpipe_pandas.display.terminal import TerminalView
from snowpipe_pandas.display.ticker import Ticker
from snowpipe_pandas.events import PhaseChanged, RowsCommitted, TokenLife
from snowpipe_pandas.streaming.progress import Progress, Tracker

HALF = Progress(
    load_id="flights-2013",
    channel="notebook-1",
    account="LOCAL",
    user="DEMO_USER",
    fingerprint="SHA256:abc",
    phase="sending",
    rows_total=1000,
    rows_skipped=100,
    rows_sent=400,
    rows_committed=300,
    rows_rejected=0,
    raw_bytes=8_000_000,
    sent_bytes=2_000_000,
    requests=4,
    retries=1,
    seconds=2.0,
    tokens={"scoped": TokenLife(3541.0, 3600.0, 360.0, 59.0, "first use")},
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def tracker():
    return Tracker(Progress("a", "c", "ACCOUNT", "USER", ""), tokens=dict)


def test_the_line_tells_rows_commits_speed_requests_and_token():
    line = texts.line(HALF)
    for fact in ("50%", "500/1,000 rows", "300 committed", "4.0 MB/s", "4 requests", "token 59:01"):
        assert fact in line


def test_rejected_rows_show():
    assert "7 REJECTED" in texts.line(replace(HALF, rows_rejected=7))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "none yet"), (0, "expired"), (-5, "expired"), (61.9, "1:01"), (3600, "60:00")],
)
def test_the_token_counts_down_in_minutes(seconds, text):
    assert texts.countdown(seconds) == text


@pytest.mark.parametrize("share", [0.0, 0.01, 0.333, 0.5, 0.999, 1.0, 1.7])
def test_a_bar_is_always_as_wide_as_asked(share):
    assert len(texts.bar(share, 10)) == 10


def test_a_source_of_unknown_length_has_no_percentage_until_it_is_done():
    unknown = replace(HALF, rows_total=None)
    assert "%" not in texts.line(unknown)
    assert texts.fraction(replace(unknown, phase="done")) == 1.0


def test_a_terminal_line_is_redrawn_in_place_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    view = TerminalView(stream)
    view.draw(HALF)
    view.draw(replace(HALF, rows_sent=500))
    assert "\n" not in stream.getvalue()
    assert all(len(text) < 60 for text in stream.getvalue().split("\r\x1b[2K"))
    view.finish(replace(HALF, phase="done"))
    assert stream.getvalue().endswith("\n")


def test_a_log_file_gets_a_line_now_and_then_and_the_last_state():
    stream, clock = io.StringIO(), Clock()
    view = TerminalView(stream, clock=clock)
    for clock.now in (0.0, 1.0, 4.9, 5.0, 6.0):
        view.draw(HALF)
    view.finish(replace(HALF, phase="done"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("done")


class Recorder:
    """A view that keeps what it is shown, and fails if it is told to."""

    def __init__(self, failure=None):
        self.shown = []
        self.failure = failure

    def draw(self, progress):
        self.shown.append(progress)
        if self.failure is not None:
            raise self.failure

    finish = draw


def test_a_view_that_fails_is_dropped_and_the_load_goes_on(caplog):
    view = Recorder(ZeroDivisionError())
    with Ticker(tracker(), view, interval_s=0.001):
        pass
    assert len(view.shown) == 1
    assert "display failed" in caplog.text


def test_the_last_snapshot_is_always_delivered():
    view = Recorder()
    counted = tracker()
    with Ticker(counted, view):
        counted(RowsCommitted(channel="c", end_row=5, offset_token="a:5:"))
        counted(PhaseChanged(channel="c", phase="done"))
    assert view.shown[-1].phase == "done"
    assert view.shown[-1].rows_committed == 5


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
def test_a_line_fits_any_width_and_drops_the_least_important_first(width):
    text = texts.line(HALF, width=width)
    assert len(text) <= width
    if width >= 80:
        assert "token 59:01" in text
    if width >= 40:
        assert "500/1,000 rows" in text
