"""Faults 37 to 45: busy services, proxies on the way, and names that are hard to write."""

import json
import threading

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    RowTooLargeError,
    ServiceError,
    ThrottledError,
    TransportError,
)
from tests.support.loads import SMALL, numbers, open_channel
from tests.support.verdicts import (
    ROWS,
    appends,
    every_row_once,
    exact_prefix,
    once_acknowledged,
    resumes,
    run,
)


def test_37_fifty_throttled_appends_are_waited_out(account, patient):
    channel, slept = patient
    headers = {"Retry-After": "1"}
    account.faults.add(
        "append", after=2, times=50, status=429, body=b'{"code": "THROTTLED"}', headers=headers
    )
    result = run(channel)
    every_row_once(account, result)
    assert slept.count(1.0) == 50
    assert result.retries == 50


def test_37_a_service_that_wants_a_day_of_silence_ends_the_load_with_a_typed_error(account, channel):
    account.faults.add("append", after=3, times=1000, status=429, headers={"Retry-After": "86400"})
    with pytest.raises(ThrottledError, match="86400 s") as caught:
        run(channel)
    assert caught.value.retry_after_s == 86400
    exact_prefix(account, caught.value)
    account.faults.clear()
    resumes(account, channel)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b'"ERR_GENERAL_EXCEPTION_RETRY_REQUEST"'),
        (500, b'{"code": "ERR_GENERAL_EXCEPTION_RETRY_REQUEST"}'),
        (502, b"<html>bad gateway</html>"),
        (504, b"<html>time-out</html>"),
        (408, b""),
        (499, b""),
        (501, b""),
        (507, b""),
    ],
)
def test_38_passing_refusals_are_retried(account, channel, status, body):
    account.faults.add("append", after=2, times=2, status=status, body=body)
    result = run(channel)
    every_row_once(account, result)
    assert result.retries == 2


def too_large(limit):
    """A service whose limit is below ours."""
    return {"status": 413, "body": b'{"code": "ERR_PAYLOAD_TOO_LARGE"}'} | {"times": limit}


def test_39_a_payload_above_the_services_limit_is_halved_and_the_limit_remembered(account, channel):
    account.faults.add("append", after=2, **too_large(1))
    result = run(channel)
    every_row_once(account, result)
    spans = [span(request) for request in appends(account)]
    first, half = spans[2], spans[3]
    assert half == (first[0], first[0] + (first[1] - first[0]) // 2)
    assert all(end - start <= first[1] - first[0] for start, end in spans[4:])
    assert len([request for request in appends(account) if request.status == 413]) == 1


def span(request):
    start = int(request.query["startOffsetToken"].split(":")[1])
    return start, int(request.query["endOffsetToken"].split(":")[1])


def test_39_halves_that_are_too_large_are_halved_again_down_to_a_row(account, channel):
    account.faults.add("append", after=2, **too_large(1000))
    with pytest.raises(RowTooLargeError) as caught:
        run(channel)
    assert caught.value.row == caught.value.load.rows_acknowledged == span(appends(account)[2])[0]
    exact_prefix(account, caught.value)
    account.faults.clear()
    resumes(account, channel)


def test_39_resuming_after_a_split_payload_checks_its_digest(account, channel):
    """The halves carry digests of their own; a resume in the middle proves that they are right."""
    account.faults.add("append", after=2, **too_large(1))
    account.faults.add("append", after=1, times=1000, status=400)
    with pytest.raises(ServiceError) as caught:
        run(channel)
    first, end = span(appends(account)[2])
    assert first < caught.value.load.rows_in_table < end
    account.faults.clear()
    resumes(account, channel)


def test_40_a_refusal_in_the_middle_shows_the_prefix_and_the_range(account, channel):
    account.faults.add("append", after=4, status=400, body=b'{"code": "ERR_INVALID", "message": "bad"}')
    with pytest.raises(ServiceError, match="ERR_INVALID: bad") as caught:
        run(channel)
    load = caught.value.load
    assert load.failed_rows == span(appends(account)[4])
    assert load.failed_rows[0] == load.rows_acknowledged
    assert len(appends(account)) == 5
    exact_prefix(account, caught.value)
    assert "the request of rows" in str(load)
    resumes(account, channel)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_41_redirects_are_not_followed(account, channel, status):
    account.faults.add("append", after=3, status=status, headers={"Location": f"{account.url}/elsewhere"})
    with pytest.raises(ServiceError, match="redirect to .*/elsewhere is not followed") as caught:
        run(channel)
    assert not [request for request in account.requests if request.path == "/elsewhere"]
    exact_prefix(account, caught.value)
    resumes(account, channel)


def test_41_a_proxy_that_wants_a_password_is_named(account, channel):
    account.faults.add("append", after=3, status=407)
    with pytest.raises(ServiceError, match="proxy") as caught:
        run(channel)
    assert caught.value.status == 407


def sessions(account):
    return [request.headers.get("x-snowflake-session") for request in appends(account)]


def test_42_the_latest_session_header_is_echoed_and_forgotten_at_a_reopen(account, channel):
    for name in ("a", "b"):
        account.faults.add("append", headers={"X-Snowflake-Session": name})
    account.faults.add("append", after=2, status=409, body=b'{"code": "ERR_CHANNEL_MUST_BE_REOPENED"}')
    every_row_once(account, run(channel))
    assert sessions(account)[:6] == [None, "a", "b", "b", "b", None]


@pytest.mark.parametrize("lose", [False, True])
def test_43_a_server_that_is_away_for_a_while(account, connect, channel, lose):
    channel = open_channel(connect(retry=sp.RetryPolicy(base_s=0.05, cap_s=0.2, budget_s=20)))
    back = threading.Timer(1.0, account.start)

    def go_away():
        account.stop(lose_uncommitted=lose)
        back.start()

    if lose:
        account.channels.commit_lag_s = 0.3
    every_row_once(account, run(channel, progress=once_acknowledged(150, go_away)))
    back.join()


def test_44_a_refused_connection_at_the_start_sends_nothing(account, connect):
    client = connect(retry=sp.RetryPolicy(base_s=0.01, budget_s=0.3))
    account.stop()
    with pytest.raises(TransportError, match="connection refused") as caught:
        open_channel(client)
    assert caught.value.attempts > 2
    account.start()


def test_44_a_certificate_that_is_not_trusted_is_an_error_at_once(tmp_path):
    with sp.local(tls=True) as account:
        profile = json.loads(account.profile.read_text())
        del profile["ca_file"]
        other = tmp_path / "profile.json"
        other.write_text(json.dumps(profile))
        with (
            sp.connect(other) as client,
            pytest.raises(TransportError, match="could not be verified") as caught,
        ):
            client.open_channel("a", table="DEMO.PUBLIC.T")
    assert caught.value.attempts == 1


def test_44_a_tls_connection_that_breaks_is_retried():
    with sp.local(tls=True, commit_lag_s=0.01) as account:
        account.sql(numbers(1).snowpipe.ddl("DEMO.PUBLIC.NUMBERS"))
        with sp.connect(account.profile, retry=sp.RetryPolicy(base_s=0.01)) as client:
            channel = open_channel(client)
            account.faults.add("append", after=1, cut_after=True)
            account.faults.add("append", after=2, truncate=3)
            every_row_once(account, run(channel))


@pytest.mark.parametrize("name", ['a"b', "a/b", "a%2Fb", "a b", "ü 雪", "a+b=c", "a?b#c"])
def test_45_names_that_need_encoding(account, connect, name):
    table = 'DEMO.PUBLIC."my ""odd"" /% table"'
    account.sql(f"CREATE TABLE {table} (ID NUMBER(38,0), TEXT VARCHAR)")
    channel = connect().open_channel(name, table=table)
    load_id = "id+/=%é"
    numbers(ROWS).snowpipe.stream(channel, limits=SMALL, load_id=load_id, progress=False)
    assert channel.status().channel_name == name
    assert account.sql(f"SELECT COUNT(*) AS N FROM {table}")["N"][0] == ROWS
    again = numbers(ROWS).snowpipe.stream(channel, limits=SMALL, load_id=load_id, progress=False)
    assert again.rows_skipped == ROWS


@pytest.mark.parametrize("operation", ["discover", "token", "open", "status"])
@pytest.mark.parametrize(
    "fault", [{"cut_before": True}, {"cut_after": True}, {"status": 503}, {"truncate": 3}], ids=str
)
def test_every_other_kind_of_request_survives_a_fault_too(account, connect, channel, operation, fault):
    account.faults.add(operation, **fault)
    every_row_once(account, run(open_channel(connect())))
