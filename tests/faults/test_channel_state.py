"""Faults 13 to 21: the channel is not what it was."""

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ChannelError,
    ChannelInvalidError,
    ChannelLostError,
    ChannelTakenOverError,
    NotFoundError,
    UncommittedRowsError,
    UsageError,
)
from tests.support.loads import SMALL, ids, numbers, open_channel
from tests.support.verdicts import (
    appends,
    every_row_once,
    exact_prefix,
    once_acknowledged,
    once_each,
    opens,
    resumes,
    run,
)

STALE = b'{"code": "STALE_CONTINUATION_TOKEN_SEQUENCER", "message": "stale"}'
REOPEN_CODES = [
    "ERR_CHANNEL_HAS_INVALID_ROW_SEQUENCER",
    "ERR_CHANNEL_MUST_BE_REOPENED",
    "ERR_CHANNEL_MUST_BE_REOPENED_DUE_TO_ROW_SEQ_GAP",
    "STALE_PIPE_CACHE",
]


def test_13_a_stale_token_while_three_payloads_are_uncommitted(account, channel):
    """They get committed, so nobody has opened the channel meanwhile: an open would have been refused."""
    account.channels.commit_lag_s = 0.3
    account.faults.add("append", after=3, status=400, body=STALE)
    every_row_once(account, run(channel))


@pytest.mark.parametrize("code", REOPEN_CODES)
def test_13_the_service_asks_for_a_reopen(account, channel, code):
    account.channels.commit_lag_s = 0.2
    account.faults.add("append", after=5, status=409, body=f'{{"code": "{code}"}}'.encode())
    every_row_once(account, run(channel))
    assert len([request for request in opens(account) if request.status == 200]) == 2


def test_13_the_service_lost_its_uncommitted_rows_and_asks_for_a_reopen(account, channel):
    """Every row after the committed one is replayed, those that were acknowledged too."""
    account.channels.pause()

    def lose():
        account.channels.lose_uncommitted()
        account.channels.resume()

    every_row_once(account, run(channel, progress=once_acknowledged(150, lose)))
    sent = [request.query["endOffsetToken"] for request in appends(account)]
    assert len(sent) > len(set(sent))


def test_14_rows_that_stay_uncommitted_are_not_discarded(account, connect, channel):
    channel = open_channel(connect(retry=sp.RetryPolicy(base_s=0.01, budget_s=0.5)))

    def stop_committing():
        channel.wait_for_commit()
        account.channels.pause()
        account.faults.add("append", after=2, body=b"{}")

    with pytest.raises(UncommittedRowsError, match="'test'") as caught:
        run(channel, progress=once_acknowledged(100, stop_committing))
    error = caught.value
    assert error.channel == "test"
    assert error.load.rows_acknowledged > error.load.rows_in_table > 90
    assert error.committed.startswith(f"load:{error.load.rows_in_table}:")
    assert ids(account) == list(range(error.load.rows_in_table))
    account.channels.resume()
    resumes(account, channel)


def test_15_an_open_in_progress_is_waited_for(account, connect, channel):
    account.faults.add("open", times=3, status=409, body=b'{"code": "ERR_OPEN_CHANNEL_IN_PROGRESS"}')
    every_row_once(account, run(open_channel(connect())))
    assert [request.status for request in opens(account)[1:]] == [409, 409, 409, 200]


def test_15_a_pipe_in_an_invalid_state_is_an_error_at_once(account, connect, channel):
    account.faults.add("open", status=409, body=b'{"code": "ERR_PIPE_IN_INVALID_STATE"}')
    before = len(account.requests)
    with pytest.raises(ChannelError, match="ERR_PIPE_IN_INVALID_STATE"):
        open_channel(connect())
    assert [r.operation for r in account.requests[before:]] == ["discover", "token", "open"]


def test_16_a_second_writer_is_reported_and_not_fought(account, connect, channel):
    other = []

    def open_it():
        channel.wait_for_commit()
        other.append(open_channel(connect()))

    with pytest.raises(
        ChannelTakenOverError, match="channel 'test': another writer opened the channel"
    ) as caught:
        run(channel, progress=once_acknowledged(100, open_it))
    assert len(opens(account)) == 2
    assert ids(account) == list(range(caught.value.load.rows_in_table)) != []
    resumes(account, other[0])


def test_16_a_second_writer_that_discards_our_rows_is_reported_too(account, channel):
    account.channels.pause()

    def take_over():
        account.channels.take_over("test", discard=True)
        account.channels.resume()

    with pytest.raises(ChannelTakenOverError) as caught:
        run(channel, progress=once_acknowledged(100, take_over))
    assert ids(account) == list(range(caught.value.load.rows_in_table)) == []


def test_16_a_second_writer_that_has_committed_rows_of_its_own(account, connect, channel):
    def load_theirs():
        other = open_channel(connect())
        numbers(3, start=900).snowpipe.stream(other, limits=SMALL, progress=False)

    with pytest.raises(ChannelTakenOverError) as caught:
        run(channel, progress=once_acknowledged(100, load_theirs))
    acknowledged = caught.value.load.rows_acknowledged
    assert ids(account) == [*range(acknowledged), 900, 901, 902]
    assert acknowledged >= 100


def test_17_a_channel_that_must_be_reopened_again_and_again_is_given_up(account, channel):
    account.faults.add(
        "append", after=3, times=1000, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}'
    )
    with pytest.raises(ChannelInvalidError, match="ERR_CHANNEL_MUST_BE_REOPENED") as caught:
        run(channel)
    assert len(opens(account)) == 1 + 3 + 1  # the last one shows what is committed
    exact_prefix(account, caught.value)
    account.faults.clear()
    resumes(account, channel)


def test_18_nothing_is_sent_into_a_channel_that_is_not_well_after_its_opening(account, connect, channel):
    def unwell(answer):
        answer["channel_status"]["channel_status_code"] = "ERR_CHANNEL_BLOCKED"
        return answer

    account.faults.add("open", change=unwell)
    with pytest.raises(ChannelError, match="ERR_CHANNEL_BLOCKED.*no rows are sent"):
        open_channel(connect())
    assert appends(account) == []


def test_18_a_channel_that_fails_while_appends_still_answer_200(account, channel):
    account.channels.fail_commits(1)
    every_row_once(account, run(channel))
    assert len(opens(account)) == 2


def test_18_a_channel_that_failed_between_two_loads_is_reopened_before_any_append(account, channel):
    def failed(answer):
        answer["channel_statuses"]["test"]["channel_status_code"] = "ERR_CHANNEL_MUST_BE_REOPENED"
        return answer

    run(channel, 100)
    account.faults.add("status", change=failed)
    run(channel, 100, load_id="another", after="load")
    assert ids(account) == list(range(100)) * 2
    assert len(opens(account)) == 2


@pytest.mark.parametrize("committed", [False, True])
def test_19_a_dropped_channel_is_never_begun_again_from_row_0(account, channel, committed):
    def drop():
        if committed:
            channel.wait_for_commit()
        account.channels.drop("test")

    with pytest.raises(ChannelLostError, match="may be in the table already") as caught:
        run(channel, progress=once_acknowledged(100, drop))
    assert caught.value.load.load_id == "load"
    assert bool(ids(account)) >= committed
    once_each(account)


@pytest.mark.parametrize("committed", [False, True])
def test_19_a_channel_recreated_without_us_is_not_taken_for_ours(account, channel, committed):
    """The append in doubt leads to a reopen, which makes the channel from nothing, with a null token."""

    def drop_and_doubt():
        if committed:
            channel.wait_for_commit()
        account.channels.drop("test")
        account.faults.add("append", body=b"{}")

    with pytest.raises(ChannelLostError):
        run(channel, progress=once_acknowledged(100, drop_and_doubt))
    assert bool(ids(account)) >= committed
    once_each(account)


@pytest.mark.parametrize("operation", ["append", "open", "status"])
def test_19_a_404_of_a_proxy_is_asked_about_again(account, connect, channel, operation):
    account.faults.add(operation, after=2 * (operation == "append"), status=404, body=b"<html>no</html>")
    every_row_once(account, run(open_channel(connect())))


def test_19_a_404_of_a_proxy_that_stays_is_believed_soon(account, connect, channel):
    account.faults.add("open", times=1000, status=404, body=b"<html>no</html>")
    before = len(opens(account))
    with pytest.raises(NotFoundError, match="check the name"):
        open_channel(connect())
    assert len(opens(account)) - before == 3


def test_20_the_ingest_host_fails_over(account, channel):
    every_row_once(account, run(channel, progress=once_acknowledged(100, account.fail_over)))
    hosts = [request.headers["host"].partition(":")[0] for request in appends(account)]
    assert (hosts[0], hosts[-1]) == ("127.0.0.1", "localhost")


def test_20_the_ingest_host_fails_over_before_the_first_append(account, channel):
    account.fail_over()
    every_row_once(account, run(channel))


def test_21_a_recreated_table_is_not_filled_from_the_middle(account, channel):
    """The load had rows committed; now the committed token is lost with the table and its channel."""

    def recreate():
        channel.wait_for_commit()
        account.sql("DROP TABLE DEMO.PUBLIC.NUMBERS")
        account.sql(numbers(1).snowpipe.ddl("DEMO.PUBLIC.NUMBERS"))
        account.channels.drop("test")

    with pytest.raises(ChannelLostError, match="under another load_id"):
        run(channel, progress=once_acknowledged(100, recreate))
    assert ids(account) == []


@pytest.mark.parametrize(
    "recreated",
    [
        ["CREATE OR REPLACE TABLE DEMO.PUBLIC.NUMBERS (ID NUMBER, TEXT VARCHAR)"],
        ["DROP TABLE DEMO.PUBLIC.NUMBERS", "CREATE TABLE DEMO.PUBLIC.NUMBERS (ID NUMBER, TEXT VARCHAR)"],
    ],
)
def test_21_a_table_recreated_after_an_open_is_filled_from_its_first_row(
    account, connect, channel, recreated
):
    """The open's answer reported a committed load, lost with the table before that load runs again."""
    run(channel)
    channel = open_channel(connect())
    for statement in recreated:
        account.sql(statement)
    every_row_once(account, run(channel))


def test_only_a_load_that_the_channel_remembers_costs_another_open(account, connect, channel):
    run(channel)
    opened = {}
    for load_id, after in (("another", "load"), ("another", None), ("third", "another")):
        channel = open_channel(connect())
        before = len(opens(account))
        numbers(10).snowpipe.stream(channel, load_id=load_id, after=after, progress=False)
        opened[load_id, after] = len(opens(account)) - before
    assert opened == {("another", "load"): 0, ("another", None): 1, ("third", "another"): 0}


def test_two_loads_at_once_on_one_channel_are_refused(channel):
    def pieces():
        yield numbers(10)
        with pytest.raises(UsageError, match="busy with load 'first'"):
            sp.stream(pd.DataFrame({"ID": [1]}), channel, limits=SMALL, load_id="second", progress=False)
        yield numbers(10, start=10)

    assert sp.stream(pieces(), channel, limits=SMALL, load_id="first", progress=False).rows == 20
