"""Loads that go well, and the rows that the service rejects."""

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import CommitTimeoutError, LoadMismatchError, RowsRejectedError
from snowpipe_pandas.events import PhaseChanged, RowsCommitted
from tests.support.loads import SMALL, TABLE, ids, numbers, open_channel, operations


def test_every_row_arrives_once_and_in_order(account, channel):
    result = numbers(500).snowpipe.stream(channel, limits=SMALL, progress=False)
    assert ids(account) == list(range(500))
    assert (result.rows, result.rows_skipped, result.rows_rejected, result.committed) == (500, 0, 0, True)
    assert result.requests == len(operations(account, "rows")) > 10


def test_the_result_shows_rows_bytes_and_load_on_one_line_and_in_a_table(channel):
    result = numbers(3).snowpipe.stream(channel, load_id="three", progress=False)
    assert str(result).startswith("-> DEMO.PUBLIC.NUMBERS: 3 rows in the table in ")
    assert "load 'three'" in str(result)
    assert "\n" not in str(result)
    assert "<td" in result._repr_html_()
    assert result.raw_bytes == len(numbers(3).snowpipe.to_ndjson())


def test_a_finished_load_sends_nothing_and_says_so(account, channel):
    numbers(10).snowpipe.stream(channel, load_id="once", progress=False)
    again = numbers(10).snowpipe.stream(channel, load_id="once", progress=False)
    assert (again.rows, again.rows_skipped) == (0, 10)
    assert "nothing to send" in str(again)
    assert ids(account) == list(range(10))


def test_an_interrupted_load_goes_on_after_the_committed_rows(account, channel):
    def broken():
        yield numbers(300)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk") as caught:
        sp.stream(broken(), channel, limits=SMALL, load_id="resumed", progress=False)
    note = " ".join(caught.value.__notes__)
    assert "load_id='resumed'" in note
    result = numbers(500).snowpipe.stream(channel, limits=SMALL, load_id="resumed", progress=False)
    assert 0 < result.rows_skipped < 500
    assert result.rows + result.rows_skipped == 500
    assert ids(account) == list(range(500))


def test_a_load_resumes_from_another_client_and_another_source(account, client, channel):
    def broken():
        yield numbers(200)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # ours, just above
        sp.stream(broken(), channel, limits=SMALL, load_id="moved", progress=False)
    with sp.connect(account.profile) as other:
        reopened = open_channel(other)
        sp.stream([numbers(100), numbers(300, start=100)], reopened, load_id="moved", progress=False)
    assert ids(account) == list(range(400))


@pytest.mark.parametrize(
    "changed",
    [numbers(500).assign(TEXT="other"), numbers(500).iloc[::-1], numbers(500).iloc[1:], numbers(5)],
    ids=["edited", "reordered", "first row gone", "fewer"],
)
def test_other_rows_under_the_same_load_id_are_refused(account, channel, changed):
    numbers(400).snowpipe.stream(channel, load_id="same", progress=False)
    with pytest.raises(LoadMismatchError, match="same") as caught:
        changed.snowpipe.stream(channel, load_id="same", progress=False)
    assert caught.value.load_id == "same"
    assert ids(account) == list(range(400))


def test_a_finished_load_may_grow(account, channel):
    numbers(40).snowpipe.stream(channel, load_id="growing", progress=False)
    result = numbers(70).snowpipe.stream(channel, load_id="growing", progress=False)
    assert (result.rows_skipped, result.rows) == (40, 30)
    assert ids(account) == list(range(70))


def test_without_a_load_id_every_call_is_a_load_of_its_own(account, channel):
    first = numbers(3).snowpipe.stream(channel, progress=False)
    second = numbers(3).snowpipe.stream(channel, progress=False)
    assert first.load_id != second.load_id
    assert ids(account) == [0, 1, 2, 0, 1, 2]


def test_wait_false_returns_before_the_commit_and_the_next_load_waits_for_it(account, channel):
    account.channels.pause()
    result = numbers(5).snowpipe.stream(channel, wait=False, progress=False)
    assert not result.committed
    assert ids(account) == []
    account.channels.resume()
    channel.wait_for_commit(result.offset_token)
    assert ids(account) == list(range(5))


def test_rows_that_never_commit_are_a_time_out_that_can_be_resumed(account, channel):
    account.channels.pause()
    with pytest.raises(CommitTimeoutError, match="nothing is lost") as caught:
        numbers(5).snowpipe.stream(channel, load_id="slow", commit_timeout_s=0.3, progress=False)
    assert (caught.value.load.rows_acknowledged, caught.value.load.rows_in_table) == (5, 0)
    account.channels.resume()
    numbers(5).snowpipe.stream(channel, load_id="slow", progress=False)
    assert ids(account) == list(range(5))


def bad_every_tenth(rows):
    """Every tenth NAME is missing in a NOT NULL column: the service rejects those rows."""
    return pd.DataFrame({"ID": range(rows), "NAME": [None if i % 10 == 9 else "x" for i in range(rows)]})


@pytest.fixture
def strict_channel(account, client):
    account.sql("CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), NAME VARCHAR NOT NULL)")
    return client.open_channel("strict", table="DEMO.PUBLIC.STRICT")


def test_rejected_rows_are_an_error_with_their_number_and_reason(account, strict_channel):
    with pytest.raises(RowsRejectedError, match=r"3 rows.*NAME is NOT NULL") as caught:
        bad_every_tenth(30).snowpipe.stream(strict_channel, progress=False)
    assert caught.value.rows_rejected == 3
    assert "NAME" in caught.value.last_message
    assert account.sql("SELECT COUNT(*) AS N FROM STRICT")["N"][0] == 27


def test_rejected_rows_can_be_counted_instead(account, strict_channel):
    result = bad_every_tenth(30).snowpipe.stream(strict_channel, on_error="report", progress=False)
    assert result.rows_rejected == 3
    assert str(result).startswith("-> DEMO.PUBLIC.STRICT: 3 of 30 rows REJECTED, 27 in the table")


def test_rejections_of_an_earlier_load_do_not_count_again(strict_channel):
    bad_every_tenth(30).snowpipe.stream(strict_channel, on_error="report", progress=False)
    good = pd.DataFrame({"ID": [1], "NAME": ["x"]})
    assert good.snowpipe.stream(strict_channel, progress=False).rows_rejected == 0


def test_a_frame_without_rows_sends_nothing(account, channel):
    result = numbers(0).snowpipe.stream(channel, progress=False)
    assert (result.rows, result.requests, result.offset_token) == (0, 0, None)
    assert operations(account, "rows") == []


def test_a_callback_sees_the_load_come_to_its_end(channel):
    seen = []
    numbers(50).snowpipe.stream(channel, load_id="watched", progress=seen.append)
    kinds = [type(event).__name__ for event in seen]
    assert kinds[0] == "LoadStarted"
    assert kinds.count("RowsAcknowledged") == 1
    assert (seen[0].load_id, seen[0].rows_total, seen[0].channel) == ("watched", 50, "test")
    assert [event.end_row for event in seen if isinstance(event, RowsCommitted)] == [50]
    assert (type(seen[-1]), seen[-1].phase, seen[-1].load_id) == (PhaseChanged, "done", "watched")


def test_progress_false_shows_nothing(channel, capsys):
    numbers(5).snowpipe.stream(channel, progress=False)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_terminal_gets_a_line_on_standard_error(channel, capsys):
    numbers(5).snowpipe.stream(channel)
    assert "5/5 rows" in capsys.readouterr().err


def test_columns_are_renamed_and_folded_on_the_way(account, channel):
    frame = pd.DataFrame({"number": [1], "text": ["a"]})
    frame.snowpipe.stream(channel, columns={"number": "id"}, column_case="upper", progress=False)
    assert account.sql(f"SELECT ID, TEXT FROM {TABLE}").values.tolist() == [[1, "a"]]


def test_nulls_can_be_left_out(account, channel):
    frame = pd.DataFrame({"ID": [1, 2], "TEXT": ["a", None]})
    frame.snowpipe.stream(channel, nulls="omit", progress=False)
    assert account.sql(f"SELECT COUNT(*) AS N FROM {TABLE} WHERE TEXT IS NULL")["N"][0] == 1
