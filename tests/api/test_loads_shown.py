"""What views, callbacks and results of real loads show: of its own load each, and nothing untrue."""

import threading

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.display import panel
from snowpipe_pandas.display.line import line
from snowpipe_pandas.errors import UsageError
from snowpipe_pandas.events import LoadStarted, PhaseChanged, RowsCommitted

TABLES = ("DEMO.PUBLIC.A", "DEMO.PUBLIC.B")


def numbers(rows):
    return pd.DataFrame({"ID": range(rows)})


@pytest.fixture
def channels(account, client):
    """Two channels of one name, each on a table of its own."""
    for table in TABLES:
        account.sql(f"CREATE TABLE {table} (ID NUMBER NOT NULL) ERROR_LOGGING = TRUE")
    return [client.open_channel("notebook-1", table=table) for table in TABLES]


class HeldBack:
    """A source that gives its second part when it is asked to."""

    def __init__(self):
        self.going_on = threading.Event()

    def __iter__(self):
        yield numbers(10)
        assert self.going_on.wait(20)
        yield numbers(5)


def test_two_channels_of_one_name_have_each_their_own_progress_and_events(channels):
    first, second = channels
    source, received = HeldBack(), []
    a = sp.stream(iter(source), first, load_id="A", background=True, progress=received.append)
    b = numbers(7).snowpipe.stream(second, load_id="B", background=True, progress=received.append)
    assert b.result(20).rows_in_table == 7
    assert not a.done
    assert not a.progress.ended
    assert a.progress.rows_acknowledged in (0, 10)
    source.going_on.set()
    assert a.result(20).rows_in_table == a.progress.rows_in_table == 15
    reported = {(event.load_id, event.target) for event in received if event.load_id}
    assert reported == {("A", str(first.target)), ("B", str(second.target))}
    for load_id in "AB":
        starts = [e for e in received if isinstance(e, LoadStarted) and e.load_id == load_id]
        assert len(starts) == 1


def test_a_load_whose_rows_are_rejected_says_so_everywhere_and_again_when_it_is_run_again(channels):
    bad = pd.DataFrame({"ID": [1, None, 3]}).astype({"ID": "Int64"})
    received = []
    for reported in (
        "-> DEMO.PUBLIC.A: 1 of 3 rows REJECTED, 2 in the table in ",
        "-> DEMO.PUBLIC.A: nothing to send: of 3 rows of load 'bad' 2 are",
    ):
        job = bad.snowpipe.stream(
            channels[0], load_id="bad", on_error="report", background=True, progress=received.append
        )
        result, progress = job.result(20), job.progress
        assert str(result).startswith(reported)
        counts = (result.rows_in_table, result.rows_rejected, result.rows_acknowledged)
        assert (
            counts
            == (progress.rows_in_table, progress.rows_rejected, progress.rows_acknowledged)
            == (2, 1, 3)
        )
        assert str(line(progress)).startswith("-> DEMO.PUBLIC.A  done, 1 REJECTED")
        assert '<span class="state warn">done, 1 REJECTED · ' in panel.folded(progress)
    commits = [event for event in received if isinstance(event, RowsCommitted)]
    assert (commits[-1].rows_in_table, commits[-1].rows_rejected) == (2, 1)


def test_rows_that_were_sent_and_not_committed_are_no_percent(account, channels):
    account.channels.pause()
    committing = threading.Event()

    def on_event(event):
        if isinstance(event, PhaseChanged) and event.phase == "committing":
            committing.set()

    job = numbers(10).snowpipe.stream(channels[0], background=True, progress=on_event)
    assert committing.wait(20)
    assert str(line(job.progress, width=200)).startswith(
        "-> DEMO.PUBLIC.A  committing ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 0%  0/10 rows in the table"
    )
    account.channels.resume()
    assert job.result(20).committed
    assert str(line(job.progress, width=200)).startswith(
        "-> DEMO.PUBLIC.A  done ████████████████████ 100%  10/10 rows in the table"
    )


def test_a_load_that_does_not_wait_ends_as_acknowledged(account, channels):
    account.channels.pause()
    job = numbers(10).snowpipe.stream(channels[0], wait=False, background=True)
    result = job.result(20)
    account.channels.resume()
    assert str(result).startswith("-> DEMO.PUBLIC.A: 10 rows acknowledged in ")
    assert not result.committed
    assert str(line(job.progress, width=200)).startswith(
        "-> DEMO.PUBLIC.A  acknowledged ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 0%  0/10 rows"
    )


def test_an_unknown_option_of_a_real_call_sends_nothing(account, channels):
    with pytest.raises(UsageError, match="did you mean load_id"):
        numbers(1).snowpipe.stream(channels[0], loadid="a")
    assert account.sql("SELECT COUNT(*) AS N FROM DEMO.PUBLIC.A")["N"].item() == 0


def test_a_load_after_another_named_one_is_named_by_after(channels):
    numbers(3).snowpipe.stream(channels[0], load_id="one", progress=False)
    with pytest.raises(UsageError, match="after='one'"):
        numbers(4).snowpipe.stream(channels[0], load_id="two", progress=False)
    result = numbers(4).snowpipe.stream(channels[0], load_id="two", after="one", progress=False)
    assert result.rows_in_table == 4
