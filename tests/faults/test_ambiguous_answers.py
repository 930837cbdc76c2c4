"""Faults 1 to 12: the answer does not show whether the rows were applied."""

import base64
import random
import threading
import time

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import AuditError
from tests.support.loads import open_channel
from tests.support.verdicts import ROWS, appends, every_row_once, opens, run

MODES = ["stale", "rowseq", "dedup"]


@pytest.fixture(params=MODES)
def mode(request, account):
    """How the service answers a continuation token that comes again after it was applied."""
    account.channels.resend = request.param
    return request.param


def test_01_applied_then_reset_before_any_answer(account, channel, mode):
    account.faults.add("append", after=2, cut_after=True)
    every_row_once(account, run(channel))
    first, second = appends(account)[2:4]
    assert first.body_digest == second.body_digest
    assert first.query["requestId"] == second.query["requestId"]
    assert (first.query["retryCount"], second.query["retryCount"]) == ("0", "1")


def test_02_dropped_before_the_body_was_read(account, channel, mode):
    account.faults.add("append", after=2, cut_before=True)
    account.faults.add("append", after=3, cut_mid_body=True)
    every_row_once(account, run(channel))


@pytest.mark.parametrize("size", [0, 1, 10])
def test_03_an_answer_cut_short_is_never_a_success(account, channel, mode, size):
    account.faults.add("append", after=2, truncate=size)
    every_row_once(account, run(channel))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}", b"[]", b"null", b"<html>hi</html>", b'{"next_continuation_token": ""}'],
    ids=repr,
)
def test_04_a_200_that_cannot_be_read_leads_to_a_fence_not_to_a_blind_resend(account, channel, body):
    account.faults.add("append", after=2, body=body)
    every_row_once(account, run(channel))
    assert len({request.query["continuationToken"] for request in appends(account)}) == len(appends(account))


@pytest.mark.parametrize("back", [1, 2])
def test_04_an_answer_that_brings_a_spent_token_leads_to_a_fence(account, channel, mode, back):
    """A service that knows tokens again would take the next rows for those before, and answer 200."""

    def repeat(answer):
        return answer | {"next_continuation_token": appends(account)[-back].query["continuationToken"]}

    account.faults.add("append", after=2, change=repeat)
    every_row_once(account, run(channel))
    assert len({request.query["continuationToken"] for request in appends(account)}) == len(appends(account))


def test_05_a_read_time_out_after_which_the_rows_were_applied(account, connect, channel, mode):
    channel = open_channel(connect(timeouts=sp.Timeouts(read_s=0.3)))
    account.faults.add("append", after=2, delay_s=1.0)
    every_row_once(account, run(channel))


def test_06_an_append_that_arrives_after_its_client_has_gone_on_is_refused(account, connect, channel):
    channel = open_channel(connect(timeouts=sp.Timeouts(read_s=0.2), retry=sp.RetryPolicy(base_s=0.01)))
    account.faults.add("append", after=2, hold_s=0.6)
    result = run(channel)
    wait_for(lambda: len([a for a in appends(account) if a.fault is not None]) == 1)
    every_row_once(account, result)


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_07_the_same_append_delivered_twice(account, channel, mode):
    account.faults.add("append", after=2, deliver_twice=True)
    every_row_once(account, run(channel))


def test_07_a_service_that_applies_it_twice_is_found_out_by_the_audit(account, channel):
    account.channels.resend = "naive"
    account.faults.add("append", after=2, deliver_twice=True)
    with pytest.raises(AuditError, match="more rows than were sent") as caught:
        run(channel)
    error = caught.value
    assert error.sent == ROWS
    assert error.inserted == account.sql("SELECT COUNT(*) AS N FROM NUMBERS")["N"][0] > ROWS


def test_08_an_answer_that_trickles_below_the_read_time_out(account, connect, channel):
    channel = open_channel(connect(timeouts=sp.Timeouts(read_s=5.0, total_s=0.5)))
    account.faults.add("append", after=2, trickle_s=0.2)
    started = time.monotonic()
    every_row_once(account, run(channel))
    assert time.monotonic() - started < 5


def test_09_a_server_that_stops_reading_a_large_body(account, connect):
    account.sql("CREATE TABLE DEMO.PUBLIC.LARGE (ID NUMBER(38,0), NOISE VARCHAR)")
    account.faults.add("append", stop_reading=True, hold_s=3.0)
    client = connect(timeouts=sp.Timeouts(total_s=1.0))
    result = noise(40).snowpipe.stream(client.open_channel("a", table="DEMO.PUBLIC.LARGE"), progress=False)
    assert result.retries == 1
    assert account.sql("SELECT COUNT(*) AS N, COUNT(DISTINCT ID) AS D FROM LARGE").values.tolist() == [
        [40, 40]
    ]


def noise(rows):
    """Rows of 120 KB that do not compress: a request of 4 MB."""
    generator = random.Random(1)
    texts = [base64.b64encode(generator.randbytes(90_000)).decode() for _ in range(rows)]
    return pd.DataFrame({"ID": range(rows), "NOISE": texts})


def test_10_a_connection_that_was_closed_while_idle(account, channel):
    run(channel, 100)
    account.stop()
    account.start()
    every_row_once(account, run(channel))


@pytest.mark.parametrize("fault", [{"cut_after": True}, {"truncate": 5}, {"body": b"{}"}, {"body": b""}])
def test_11_an_open_that_was_applied_and_whose_answer_was_lost(account, connect, channel, fault):
    account.faults.add("open", **fault)
    again = open_channel(connect())
    every_row_once(account, run(again))
    assert len(opens(account)) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_12_a_5xx_of_a_proxy_behind_which_the_rows_were_applied(account, channel, mode, status):
    account.faults.add("append", after=2, status=status, applied=True, body=b"<html>gateway</html>")
    every_row_once(account, run(channel))
