"""Each recovery rule is needed: with the rule switched off, its scenario loses rows, doubles them or stops.

The scenarios are those of the other modules; here the same trouble meets a client without the rule.
"""

import time

import pytest
from snowpipe_pandas.streaming.ledger import Ledger
from snowpipe_pandas.streaming.offsets import Position
from snowpipe_pandas.streaming.recovery import Recovery

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ChannelError, SnowpipeError
from snowpipe_pandas.rest import answers, planes, transport
from snowpipe_pandas.rest.channel import Channel
from snowpipe_pandas.rows import payloads
from snowpipe_pandas.streaming import delivery as delivery_module
from snowpipe_pandas.streaming.delivery import Delivery
from tests.support.loads import SMALL, ids, numbers, open_channel
from tests.support.verdicts import ROWS, opens, run

WHOLE = list(range(ROWS))


def outcome(account, channel, **options):
    """What a user is left with: the error's type or "success", and whether the table is right."""
    try:
        run(channel, **options)
        ended = "success"
    except Exception as error:  # without a rule anything may come
        ended = type(error).__name__
    return ended, ids(account) == WHOLE


@pytest.fixture
def switched_off(monkeypatch):
    """Replace a part of the client for this test."""
    return monkeypatch.setattr


def test_held_payloads(account, channel, switched_off):
    """Rows which the server lost cannot be sent again by a client that let them go after the answer."""
    account.channels.commit_lag_s = 0.5
    switched_off(Delivery, "_push", push_last_only)

    def lose(event):
        if getattr(event, "end_row", 0) >= 100 and not lost:
            lost.append(account.channels.lose_uncommitted())

    lost = []
    ended, right = outcome(account, channel, progress=lose)
    assert (ended, right) != ("success", True)


def push_last_only(delivery):
    payload = delivery._held._payloads[-1]
    try:
        delivery._append(payload)
    except ChannelError:
        delivery._channel.reopen()
        delivery._append(payload)


def test_reopening_where_a_retried_append_meets_a_stale_token(account, channel, switched_off):
    """Without it, an answer that was lost behind an applied append ends the load."""
    switched_off(Recovery, "check_owner", raise_cause)
    account.faults.add("append", after=2, cut_after=True)
    assert outcome(account, channel) == ("ChannelInvalidError", False)


def raise_cause(recovery, cause, *facts):
    raise cause


def test_going_back_to_the_committed_token(account, channel, switched_off):
    """A client that reopens and goes on where it was loses what the service had discarded."""
    account.channels.commit_lag_s = 0.3
    switched_off(Recovery, "position_after", lambda recovery, status, committed, held: keep(held))
    switched_off(Ledger, "agrees_with", lambda ledger, rows: True)
    switched_off(Recovery, "spend_reopen", lambda recovery, cause: None)

    def lose(event):
        if getattr(event, "end_row", 0) >= 100 and not lost:
            lost.append(account.channels.lose_uncommitted())

    lost = []
    _, right = outcome(account, channel, progress=lose, commit_timeout_s=3)
    assert not right


def keep(held):
    last = held._payloads[-1]
    return Position(last.end_row, last.digest)


def test_the_final_audit(account, channel, switched_off):
    switched_off(Delivery, "_audit", lambda delivery: None)
    account.faults.add("append", after=3, lose_rows=True)
    assert outcome(account, channel) == ("success", False)


def test_the_owner_check(account, connect, channel, switched_off):
    """A client that reopens on every stale token fights with the other writer."""
    switched_off(Recovery, "check_owner", lambda *arguments: None)
    others = []

    def take(event):
        if getattr(event, "end_row", 0) >= 100 and not others:
            channel.wait_for_commit()
            others.append(open_channel(connect()))

    outcome(account, channel, progress=take)
    assert len([request for request in opens(account) if request.status == 200]) > 2


def test_the_proof_that_a_stale_token_is_our_own(account, channel, switched_off):
    """Without it, an append that a proxy delivered twice ends the load."""
    switched_off(Recovery, "watch", lambda recovery: iter(()))
    account.faults.add("append", after=2, deliver_twice=True)
    assert outcome(account, channel)[0] == "ChannelTakenOverError"


def test_the_reopen_budget(account, channel, switched_off):
    switched_off(Recovery, "spend_reopen", lambda recovery, cause: None)
    account.faults.add(
        "append", after=3, times=40, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}'
    )
    outcome(account, channel)
    assert len(opens(account)) > 40


def test_the_codes_that_ask_for_a_reopen(account, channel, switched_off):
    switched_off(answers, "_REOPEN_CODES", frozenset())
    account.faults.add("append", after=3, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}')
    assert outcome(account, channel) == ("ChannelError", False)


def test_waiting_for_uncommitted_rows_at_a_reopen(account, channel, switched_off):
    """An open that does not ask for it discards rows; as they are held and replayed, they travel twice."""
    account.channels.commit_lag_s = 0.4
    ingest = planes.Planes.ingest

    def without_the_flag(client, method, path, **parts):
        return ingest(client, method, path, **parts | ({"body": b"{}"} if method == "PUT" else {}))

    switched_off(planes.Planes, "ingest", without_the_flag)
    switched_off(Delivery, "_see_commits", lambda delivery: None)
    account.faults.add("append", after=5, body=b"{}")
    run(channel)
    tokens = [r.query["endOffsetToken"] for r in account.requests if r.operation == "append"]
    assert len(tokens) > len(set(tokens)) + 1


def test_halving_a_payload_that_is_too_large(account, channel, switched_off):
    switched_off(Delivery, "_shrink", raise_again)
    account.faults.add("append", after=3, status=413)
    assert outcome(account, channel) == ("PayloadTooLargeError", False)


def raise_again(delivery, payload, error):
    raise error


@pytest.mark.parametrize("status", [429, 503])
def test_retrying_passing_refusals(account, connect, channel, status):
    once = open_channel(connect(retry=sp.RetryPolicy(attempts=1)))
    account.faults.add("append", after=3, status=status)
    ended, right = outcome(account, once)
    assert (ended != "success", right) == (True, False)


def test_renewing_a_refused_token(account, channel, switched_off):
    switched_off(planes.ScopedSigner, "refused", lambda signer, token: False)
    account.faults.add("append", after=3, status=401)
    assert outcome(account, channel) == ("AuthenticationError", False)


def test_discovering_the_host_again(account, channel, switched_off):
    switched_off(planes.Planes, "_forget", lambda client, host: None)
    moved = []

    def move(event):
        if getattr(event, "end_row", 0) >= 100 and not moved:
            moved.append(account.fail_over())

    ended, right = outcome(account, channel, progress=move)
    assert (ended != "success", right) == (True, False)


def test_asking_again_about_a_404_of_a_proxy(account, channel, switched_off):
    switched_off(transport, "ODD_ANSWER_TRIES", 1)
    account.faults.add("append", after=3, status=404, body=b"<html>")
    assert outcome(account, channel) == ("NotFoundError", False)


def test_echoing_the_session(account, channel, switched_off):
    switched_off(Channel, "_echo_session", lambda channel, answer: None)
    account.faults.add("append", headers={"X-Snowflake-Session": "a"})
    run(channel)
    appends = [request for request in account.requests if request.operation == "append"]
    assert {request.headers.get("x-snowflake-session") for request in appends} == {None}


def test_counting_what_is_rejected(account, connect, switched_off):
    account.sql("CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), TEXT VARCHAR NOT NULL)")
    channel = connect().open_channel("strict", table="DEMO.PUBLIC.STRICT")
    switched_off(Ledger, "take", lambda ledger, status, **facts: False)
    switched_off(Ledger, "agrees_with", lambda ledger, rows: True)
    frame = numbers(10).assign(TEXT=None)
    assert frame.snowpipe.stream(channel, limits=SMALL, progress=False).rows_rejected == 0
    assert account.sql("SELECT COUNT(*) AS N FROM STRICT")["N"][0] == 0


def test_the_digest_in_the_token(account, channel, switched_off):
    """Without it, other rows under the same id are taken for the same ones, and the table gets a mixture."""
    run(channel, 100)
    switched_off(payloads, "_check_digest", lambda *arguments: None)
    changed = numbers(ROWS).assign(ID=range(1000, 1000 + ROWS))
    changed.snowpipe.stream(channel, limits=SMALL, load_id="load", progress=False)
    assert ids(account) == [*range(100), *range(1100, 1000 + ROWS)]


def test_the_rows_in_the_token(account, channel, switched_off):
    """Without resuming, a second run doubles the rows."""
    switched_off(delivery_module, "parse_token", lambda load_id, token: None)
    account.channels.commit_lag_s = 0.0
    with pytest.raises(SnowpipeError):
        run(channel, 100, commit_timeout_s=0.5)
    with pytest.raises(SnowpipeError):
        run(channel, 100, commit_timeout_s=0.5)
    assert len(ids(account)) > 100


def test_refusing_a_token_that_is_spent(account, channel, switched_off):
    """A service that knows the token again takes the next rows for the last ones, and drops them."""
    account.channels.resend = "dedup"
    account.faults.add("append", after=2, repeat_token=True)
    switched_off(Channel, "_next_token", lambda channel, answer: answer.next_continuation_token)
    assert outcome(account, channel) == ("AuditError", False)


def test_restoring_the_token_behind_a_refusal_at_once(account, channel):
    """A 400 on the first try leaves the channel usable: no reopen is needed for the next load."""
    account.faults.add("append", after=2, status=400)
    with pytest.raises(SnowpipeError):
        run(channel)
    assert not channel.in_doubt
    run(channel)
    assert ids(account) == WHOLE
    assert len(opens(account)) == 1


def test_a_deadline_for_the_whole_exchange(account, connect, channel):
    slow = open_channel(connect(timeouts=sp.Timeouts(read_s=5.0, total_s=3600.0)))
    account.faults.add("append", after=2, trickle_s=0.05)
    started = time.monotonic()
    run(slow)
    assert time.monotonic() - started > 1.0  # with a deadline of 0.5 s it takes half of that
