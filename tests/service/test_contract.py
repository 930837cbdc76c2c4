"""What the client builds on, tried on the local account, and on a real one:

    SNOWPIPE_TEST_PROFILE=/path/to/profile.json SNOWPIPE_TEST_TABLE=DB.SCHEMA.TABLE pytest -s tests/service

docs/protocol.md has the questions that only such a run can answer.
"""

import uuid

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ChannelInvalidError, NotFoundError, RowsRejectedError
from snowpipe_pandas.rest import paths
from snowpipe_pandas.rest.answers import Refusal


def append(channel, rows, end):
    body = b"".join(b'{"ID":%d,"NOTE":"x"}\n' % row for row in rows)
    return channel.append_rows(body, start_offset_token="0", end_offset_token=end)


def committed(service, channel, end):
    channel.wait_for_commit(end, timeout_s=service.commit_s)
    return channel.status()


def test_a_new_channel_is_healthy_and_remembers_nothing(service):
    status = service.open().opened_status
    assert status.healthy
    assert status.last_committed_offset_token is None


def test_a_commit_is_reported_by_its_token_and_by_the_counters(service):
    channel = service.open()
    append(channel, range(3), "a")
    assert committed(service, channel, "a").rows_inserted == 3
    append(channel, range(2), "b")
    status = committed(service, channel, "b")
    assert (status.rows_inserted, status.rows_error_count) == (5, 0)


def test_a_token_outlives_the_client(service):
    channel = service.open()
    append(channel, range(3), "kept")
    committed(service, channel, "kept")
    assert service.open(channel.name).opened_status.last_committed_offset_token == "kept"


def test_an_open_fences_every_earlier_token(service):
    first = service.open()
    append(first, range(1), "1")
    committed(service, first, "1")
    second = service.open(first.name)
    with pytest.raises(ChannelInvalidError):
        append(first, range(1), "2")
    append(second, range(1), "2")
    assert committed(service, second, "2").rows_inserted in (1, 2)  # counters may restart with an open


def test_a_bad_row_is_skipped_and_counted_and_the_token_passes_it(service):
    channel = service.open()
    channel.append_rows(
        b'{"ID":1,"NOTE":"good"}\n{"ID":"no number","NOTE":"bad"}\n',
        start_offset_token="0",
        end_offset_token="2",
    )
    status = committed(service, channel, "2")
    assert (status.rows_inserted, status.rows_error_count, status.healthy) == (1, 1, True)
    assert status.last_error_message


def test_a_dropped_channel_forgets_its_token(service):
    channel = service.open()
    append(channel, range(1), "1")
    committed(service, channel, "1")
    channel.drop()
    assert service.client.channel_statuses([channel.name], table=service.table) == {}
    assert service.open(channel.name).opened_status.last_committed_offset_token is None


def test_a_table_that_is_not_there_is_an_error_that_names_it(service):
    missing = f"{service.table}_{uuid.uuid4().hex[:8]}".upper()
    with pytest.raises(NotFoundError, match=missing.rpartition(".")[2]):
        service.client.open_channel("contract", table=missing)


def test_a_load_that_is_done_sends_nothing_when_it_is_run_again(service):
    frame = pd.DataFrame({"ID": range(1000), "NOTE": "load"})
    channel = service.open()
    assert frame.snowpipe.stream(channel, load_id="L", progress=False).rows_in_table == 1000
    again = frame.snowpipe.stream(service.open(channel.name), load_id="L", progress=False)
    assert (again.rows_in_table, again.rows_sent, again.requests) == (1000, 0, 0)


def test_a_load_with_a_bad_row_says_so(service):
    frame = pd.DataFrame({"ID": range(3), "NOTE": ["good", "much too long a note", "good"]})
    with pytest.raises(RowsRejectedError) as caught:
        frame.snowpipe.stream(service.open(), load_id="L", progress=False)
    assert (caught.value.load.rows_in_table, caught.value.load.rows_rejected) == (2, 1)


# What the documents leave open. Each of these holds whatever the answer is; the answer is noted.


def test_the_offset_token_given_at_an_open(service, finding):
    channel = service.open(offset_token="given")
    opened_token = channel.opened_status.last_committed_offset_token
    later = channel.status().last_committed_offset_token
    finding(f"an open with offset_token='given' answers {opened_token!r}, a status after it shows {later!r}")
    assert {opened_token, later} <= {"given", None}


def test_the_answer_to_an_append_that_was_applied_already(service, finding):
    """The client never trusts this answer; it must not double the row in silence, though."""
    channel = service.open()
    writer, caller = channel._writer, channel._caller
    continuation = writer._continuation
    append(channel, [1], "1")
    answer = channel._planes.ingest(
        "POST",
        paths.rows(channel.pipe, channel.name),
        action="send an append again",
        query={"continuationToken": continuation, "startOffsetToken": "0", "endOffsetToken": "1"},
        body=b'{"ID":1,"NOTE":"x"}\n',
        headers={"Content-Type": "application/x-ndjson"},
        caller=caller,
    )
    finding(f"an append sent again with its used token gets HTTP {answer.status} {answer.code}")
    channel.reopen()
    append(channel, [2], "2")
    inserted = committed(service, channel, "2").rows_inserted
    finding(f"after it and a reopen the channel counts {inserted} rows inserted, of 2 that were sent once")
    assert answer.refusal in (Refusal.REOPEN, Refusal.NONE)
    if answer.refusal is Refusal.REOPEN:
        assert inserted in (1, 2)


def test_how_long_an_offset_token_may_be(service, finding):
    """The client's own tokens have at most 250 characters."""
    longest = 0
    for length in (400, 1000, 4000, 16_000, 64_000):
        try:
            service.open(offset_token="t" * length)
        except sp.SnowpipeError as error:
            finding(f"an offset token of {length} characters is refused: {str(error)[:100]}")
            break
        longest = length
    finding(f"an offset token of {longest} characters is taken")
    assert longest >= 400
