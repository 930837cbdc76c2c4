"""Each recovery rule is needed: with the rule switched off, its scenario loses rows, doubles them or stops.

The scenarios are those of the other modules; here the same trouble meets a client without the rule.
"""

import time
from dataclasses import replace

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import OtherLoadError, SnowpipeError
from snowpipe_pandas.rest import answers, planes, transport
from snowpipe_pandas.rest.writer import Writer
from snowpipe_pandas.rows import payloads
from snowpipe_pandas.streaming import delivery as delivery_module
from snowpipe_pandas.streaming import failures
from snowpipe_pandas.streaming.counters import Counters
from snowpipe_pandas.streaming.delivery import Delivery
from snowpipe_pandas.streaming.protocol import RULES, LoadProtocol, State, by_news
from snowpipe_pandas.streaming.window import Window
from tests.support.loads import SMALL, ids, numbers, open_channel
from tests.support.verdicts import ROWS, opens, run

WHOLE = list(range(ROWS))


def outcome(account, channel, **options):
    """What a user is left with: the error's type or "success", and whether the table is right."""
    try:
        run(channel, **options)
        ended = "success"
    except Exception as error:  # without a rule anything may be raised
        ended = type(error).__name__
    return ended, ids(account) == WHOLE


@pytest.fixture
def switched_off(monkeypatch):
    """Replace a part of the client for this test."""
    return monkeypatch.setattr


@pytest.fixture
def without(monkeypatch):
    """Take rules of the protocol out by their names."""

    def take_out(*names):
        assert set(names) <= {rule.name for rule in RULES}
        left = by_news(rule for rule in RULES if rule.name not in names)
        monkeypatch.setattr(LoadProtocol, "rules", left)

    return take_out


@pytest.fixture
def giving_up(monkeypatch):
    """Make a load give up where a rule of this name would help it."""

    def fail(delivery, fact):
        delivery.error = failures.refusal(delivery, fact)

    def give_up(name):
        assert name in {rule.name for rule in RULES}
        changed = by_news(
            replace(rule, act=fail, to=State.STOPPING) if rule.name == name else rule for rule in RULES
        )
        monkeypatch.setattr(LoadProtocol, "rules", changed)

    return give_up


def test_held_payloads(account, channel, switched_off):
    """Rows which the server lost cannot be sent again by a client that released them after the answer."""
    account.channels.commit_lag_s = 0.5
    switched_off(Window, "add", hold_only)

    def lose(event):
        if getattr(event, "end_row", 0) >= 100 and not lost:
            lost.append(account.channels.lose_uncommitted())

    lost = []
    ended, right = outcome(account, channel, progress=lose)
    assert (ended, right) != ("success", True)


def hold_only(window, payload):
    window._payloads = [payload]
    window.bytes = len(payload.body)


def test_reopening_where_an_append_is_in_doubt(account, channel, giving_up):
    """Without it, an answer that was lost after an applied append ends the load."""
    giving_up("in doubt")
    account.faults.add("append", after=2, cut_after=True)
    assert outcome(account, channel) == ("ChannelInvalidError", False)


def test_going_back_to_the_committed_token(account, channel, switched_off, without):
    """A client that reopens and goes on where it was loses what the service had discarded."""
    account.channels.commit_lag_s = 0.3
    switched_off(Delivery, "_position_of", lambda delivery, status: delivery.acknowledged)
    switched_off(Counters, "agree_with", lambda counters, rows: True)
    without("reopens spent")

    def lose(event):
        if getattr(event, "end_row", 0) >= 100 and not lost:
            lost.append(account.channels.lose_uncommitted())

    lost = []
    _, right = outcome(account, channel, progress=lose, commit_timeout_s=3)
    assert not right


def test_the_final_audit(account, channel, switched_off):
    switched_off(Counters, "agree_with", lambda counters, rows: True)
    account.faults.add("append", after=3, lose_rows=True)
    assert outcome(account, channel) == ("success", False)


def test_the_owner_check(account, connect, channel, without):
    """A client that reopens on every stale token fights with the other writer."""
    without("stale token")
    others = []

    def take(event):
        if getattr(event, "end_row", 0) >= 100 and not others:
            channel.wait_for_commit()
            others.append(open_channel(connect()))

    outcome(account, channel, progress=take)
    assert len([request for request in opens(account) if request.status == 200]) > 2


def test_the_proof_that_a_stale_token_is_our_own(account, channel, without):
    """Without it, an append that a proxy delivered twice ends the load."""
    without("proven own")
    account.faults.add("append", after=2, deliver_twice=True)
    assert outcome(account, channel)[0] == "ChannelTakenOverError"


def test_the_reopen_budget(account, channel, without):
    without("reopens spent")
    account.faults.add(
        "append", after=3, times=40, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}'
    )
    outcome(account, channel)
    assert len(opens(account)) > 40


def test_refusing_a_named_load_on_a_channel_that_remembers_another(account, channel, without):
    """Without it, two cells of a notebook that are run twice double every row."""
    run(channel, 50, load_id="day1")
    with pytest.raises(OtherLoadError):
        run(channel, 50, load_id="day2")
    without("other load")
    for load_id in ("day2", "day1", "day2"):
        run(channel, 50, load_id=load_id)
    assert len(ids(account)) == 200


def test_reporting_rejections_again_when_a_load_is_run_again(account, connect, without):
    account.sql("CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), TEXT VARCHAR NOT NULL)")
    channel = connect().open_channel("strict", table="DEMO.PUBLIC.STRICT")
    frame = numbers(10).assign(TEXT=None)
    options = {"limits": SMALL, "load_id": "load", "progress": False}
    assert frame.snowpipe.stream(channel, on_error="report", **options).rows_rejected == 10
    with pytest.raises(SnowpipeError, match="rejected 10 rows"):
        frame.snowpipe.stream(channel, **options)
    without("rejected before")
    assert frame.snowpipe.stream(channel, **options).rows_sent == 0


def test_the_codes_that_ask_for_a_reopen(account, channel, switched_off):
    switched_off(answers, "_REOPEN_CODES", frozenset())
    account.faults.add("append", after=3, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}')
    assert outcome(account, channel) == ("ChannelError", False)


def test_waiting_for_uncommitted_rows_at_a_reopen(account, channel, switched_off, monkeypatch):
    """An open that does not ask for it discards rows; as they are held and replayed, they travel twice."""
    account.channels.commit_lag_s = 0.4
    ingest = planes.Planes.ingest

    def without_the_flag(client, method, path, **parts):
        return ingest(client, method, path, **parts | ({"body": b"{}"} if method == "PUT" else {}))

    switched_off(planes.Planes, "ingest", without_the_flag)
    at_once = by_news(
        replace(rule, when=None) if rule.name == "drained" and rule.fact is None else rule for rule in RULES
    )
    switched_off(LoadProtocol, "rules", at_once)
    account.faults.add("append", after=5, body=b"{}")
    run(channel)
    rows = [r.query["startOffsetToken"] for r in account.requests if r.operation == "append"]
    assert len(rows) > len(set(rows)) + 1


def test_halving_a_payload_that_is_too_large(account, channel, giving_up):
    giving_up("too large")
    account.faults.add("append", after=3, status=413)
    assert outcome(account, channel) == ("PayloadTooLargeError", False)


@pytest.mark.parametrize("status", [429, 503])
def test_retrying_passing_refusals(account, connect, channel, status):
    once = open_channel(connect(retry=sp.RetryPolicy(attempts=1)))
    account.faults.add("append", after=3, status=status)
    ended, right = outcome(account, once)
    assert (ended != "success", right) == (True, False)


def test_renewing_a_refused_token(account, channel, switched_off):
    switched_off(planes.ScopedSigner, "refused", lambda signer, token, caller: False)
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
    switched_off(Writer, "_echo_session", lambda writer, answer: None)
    account.faults.add("append", headers={"X-Snowflake-Session": "a"})
    run(channel)
    appends = [request for request in account.requests if request.operation == "append"]
    assert {request.headers.get("x-snowflake-session") for request in appends} == {None}


def test_counting_what_is_rejected(account, connect, switched_off):
    account.sql("CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), TEXT VARCHAR NOT NULL)")
    channel = connect().open_channel("strict", table="DEMO.PUBLIC.STRICT")
    switched_off(Counters, "take", lambda counters, status, **facts: None)
    switched_off(Counters, "agree_with", lambda counters, rows: True)
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
    switched_off(delivery_module, "read_token", lambda token: None)
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
    switched_off(Writer, "_next_token", lambda writer, answer: answer.next_continuation_token)
    assert outcome(account, channel) == ("AuditError", False)


def test_restoring_the_token_after_a_refusal_at_once(account, channel):
    """A 400 on the first try leaves the channel usable: no reopen is needed for the next append."""
    account.faults.add("append", after=2, status=400)
    with pytest.raises(SnowpipeError):
        run(channel)
    assert not channel.in_doubt
    body = b'{"ID":-1,"TEXT":"next"}\n'
    channel.append_rows(body, start_offset_token="0", end_offset_token="next")
    channel.wait_for_commit("next")
    assert ids(account)[-1] == -1
    assert len(opens(account)) == 1


def test_a_deadline_for_the_whole_exchange(account, connect, channel):
    slow = open_channel(connect(timeouts=sp.Timeouts(read_s=5.0, total_s=3600.0)))
    account.faults.add("append", after=2, trickle_s=0.05)
    started = time.monotonic()
    run(slow)
    assert time.monotonic() - started > 1.0  # with a deadline of 0.5 s it takes half of that
