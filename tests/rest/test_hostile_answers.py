"""Answers that no good service gives: each costs little, and ends in a typed value or one error of ours."""

import itertools
import json
import math
import time
import traceback
import tracemalloc
import zlib
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ChannelInvalidError, ServiceError, ThrottledError, TransportError
from snowpipe_pandas.rest.answers import UNREADABLE_ANSWER
from snowpipe_pandas.rest.fields import MAX_COUNT
from snowpipe_pandas.rest.pacer import DOCUMENTED, UNLIMITED, RateLimits
from snowpipe_pandas.rest.status import ChannelStatus
from tests.support.hostile import STATUS, hostile_service, reply

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MB = 1_000_000

ODD_VALUES = [
    *('"x"', '""', "null", "-1", "0", "1.5", "3", "3e0", "1" + "0" * 28, "1e400", "NaN", "Infinity", "true"),
    *(
        "[]",
        "{}",
        "[1]",
        '{"a":1}',
        '"' + "A" * 100_000 + '"',
        '"\\ud800"',
        '"\\u0000"',
        '"<b>"',
        '"\\u001b[2J"',
    ),
    *('"\\u202eevil"', "9223372036854775808", "1" + "0" * 5000, "[" * 10_000, '{"a":' * 10_000, '"a'),
]
ODD_BODIES = [
    *(b"", b"null", b"5", b"[]", b"{}", b'"x"', b"\xff\xfe", b"\x00", b"<html>sign in</html>", b"NaN"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b'{"a":1}{"a":1}', b'{"channel_statuses":[]}'),
    *(
        b'{"channel_statuses":{"c":5}}',
        b'{"next_continuation_token":5,"channel_status":{}}',
        b'{"token":[1]}',
    ),
    *(b'{"rows":[[1,2]],"columns":["A","A"]}', b'{"rows":[5],"columns":["A"]}'),
    *(b'{"hostname":{"a":1}}', b'{"rows":5,"columns":5}', b'{"rows":[[1,2]],"columns":["A"]}'),
]


TOKENS = (b'"x"', b"NaN", b"1" * 5000)
MUST_BE_RIGHT = (
    *("channel_status_code", "last_committed_offset_token", "created_on_ms"),
    *("rows_inserted", "rows_parsed", "rows_error_count"),
)


@pytest.fixture
def service():
    with hostile_service() as service:
        yield service


@pytest.fixture
def channel(service):
    return service.open()


def status_with(field, raw):
    """The JSON of a status, one field of which is as raw says."""
    texts = {name: json.dumps(value) for name, value in STATUS.items()} | {field: raw}
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def assert_typed(status):
    for name in ("rows_inserted", "rows_parsed", "rows_error_count", "created_on_ms"):
        value = getattr(status, name)
        assert value is None or (type(value) is int and 0 <= value <= MAX_COUNT), name
    for name in ("last_committed_offset_token", "last_error_offset_upper_bound"):
        value = getattr(status, name)
        assert value is None or (type(value) is str and len(value) <= 65_536), name
    for name in ("channel_name", "channel_status_code", "last_error_message"):
        value = getattr(status, name)
        assert value is None or (type(value) is str and value.isprintable() and len(value) <= 1000), name


def outcome(do):
    """What came of a call: its value, or its error where that is one of ours and harmless to print."""
    try:
        return do()
    except sp.SnowpipeError as error:
        text = str(error)
        assert text.isprintable()
        return error


def is_unreadable(found):
    return isinstance(found, ServiceError) and found.code == UNREADABLE_ANSWER


@pytest.mark.parametrize("field", [*STATUS, "rows_errors"])
def test_a_status_is_typed_or_unreadable_whatever_a_field_is(service, channel, field):
    found = []
    for raw in ODD_VALUES:
        service.answers["status"] = reply(
            f'{{"channel_statuses":{{"c":{status_with(field, raw)}}}}}'.encode()
        )
        found.append(outcome(channel.status))
    for status in found:
        if not is_unreadable(status):
            assert_typed(status)
    # What is not JSON is never believed, and what counts must be of its type.
    assert sum(map(is_unreadable, found)) >= (15 if field in MUST_BE_RIGHT else 6)


@pytest.mark.parametrize("field", STATUS)
def test_an_open_is_typed_or_unreadable_whatever_a_field_of_its_status_is(service, channel, field):
    for number, raw in enumerate(ODD_VALUES):
        payload = f'{{"next_continuation_token":"t-{number}","channel_status":{status_with(field, raw)}}}'
        service.answers["open"] = reply(payload.encode())
        status = outcome(channel.reopen)
        if not isinstance(status, ServiceError):
            assert_typed(status)


@pytest.mark.parametrize("field", ["next_continuation_token", "channel_status", "table_columns"])
def test_an_open_is_typed_or_unreadable_whatever_its_fields_are(service, channel, field):
    columns = [
        "[{}]",
        '[{"name":1}]',
        '[{"name":"ID","type":5}]',
        "[null]",
        "[[]]",
        '"abc"',
        '[{"type":"X"}]',
    ]
    honest = {"next_continuation_token": '"t"', "channel_status": json.dumps(STATUS)}
    for raw in [*ODD_VALUES, *columns]:
        texts = honest | {field: raw}
        body = "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"
        service.answers["open"] = reply(body.encode())
        assert isinstance(outcome(channel.reopen), ServiceError | ChannelStatus)
        assert channel.target_columns == ()


def reported_limits(service, channel, raw):
    """The limits that a channel holds to once its open was answered with these."""
    payload = f'{{"next_continuation_token":"t","channel_status":{json.dumps(STATUS)},"limits":{raw}}}'
    service.answers["open"] = reply(payload.encode())
    outcome(channel.reopen)
    return channel._writer.pacer.limits


def test_limits_that_an_open_reports_hold_and_null_is_none(service, channel):
    assert channel._writer.pacer.limits == DOCUMENTED
    assert reported_limits(
        service, channel, '{"bytes_per_second":5e6,"requests_per_second":25}'
    ) == RateLimits(5e6, 25.0)
    assert reported_limits(service, channel, "null") == UNLIMITED


def test_limits_that_are_garbage_or_would_stop_a_channel_are_ignored(service, channel):
    for raw in set(ODD_VALUES) - {"null"}:
        assert reported_limits(service, channel, raw) == DOCUMENTED, raw
    for raw in [*ODD_VALUES, "0.4", "1e-300"]:
        payload = f'{{"bytes_per_second":5e6,"requests_per_second":{raw}}}'
        believed = raw in ("1.5", "3", "3e0")
        assert reported_limits(service, channel, payload) == (
            RateLimits(5e6, float(raw)) if believed else DOCUMENTED
        ), raw
        payload = f'{{"bytes_per_second":{raw},"requests_per_second":25}}'
        assert reported_limits(service, channel, payload) == DOCUMENTED, raw


@pytest.mark.parametrize("operation", ["discover", "token", "open", "append", "status"])
def test_a_body_of_any_shape_ends_in_an_error_of_ours(service, operation):
    def use(client):
        channel = client.open_channel("c", table="D.S.T")
        append(channel)
        channel.status()
        return "done"

    for body in ODD_BODIES:
        service.answers[operation] = reply(body)
        with service.connect() as client:
            found = outcome(lambda client=client: use(client))
        # What is one word is taken for a token: those of the service are opaque.
        assert isinstance(found, sp.SnowpipeError) or (operation == "token" and body in TOKENS)


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("field", ["code", "error_code", "error", "message", "status_code"])
def test_a_refusal_of_any_shape_is_an_error_of_ours(service, channel, status, field):
    for raw in ODD_VALUES:
        service.answers["status"] = reply(f'{{"{field}":{raw}}}'.encode(), status)
        error = outcome(channel.status)
        assert isinstance(error, ServiceError)
        assert len(str(error)) < 1000
        assert error.code.isprintable()


def test_half_a_character_costs_the_character_in_a_message_and_the_answer_in_a_token(service, channel):
    broken = status_with("last_error_message", '"cut \\ud83d"')
    service.answers["status"] = reply(f'{{"channel_statuses":{{"c":{broken}}}}}'.encode())
    assert channel.status().last_error_message == "cut \\uffff"
    broken = status_with("last_committed_offset_token", '"cut \\ud83d"')
    service.answers["status"] = reply(f'{{"channel_statuses":{{"c":{broken}}}}}'.encode())
    with pytest.raises(ServiceError, match="last_committed_offset_token"):
        channel.status()


def test_an_unreadable_status_is_requested_again_and_then_reported_with_its_field(service, channel):
    odd = reply(f'{{"channel_statuses":{{"c":{status_with("rows_inserted", "-1")}}}}}'.encode())
    service.answers["status"] = [odd, odd]
    assert channel.status().rows_inserted == 0
    service.answers["status"] = odd
    with pytest.raises(ServiceError, match=r"can't be understood: rows_inserted is -1, not a count"):
        channel.status()


def append(channel, token="1"):
    return channel.append_rows(b'{"ID":1}\n', start_offset_token="0", end_offset_token=token)


# Bounds.


def endless(first, piece):
    return lambda honest: itertools.chain([first], itertools.repeat(piece))


def bomb():
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(squeezed.compress(bytes(MB)) for _ in range(100)) + squeezed.flush()
    return reply(data, headers=[("Content-Encoding", "gzip")])


ENDLESS = {
    "chunks": endless(CHUNKED, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"),
    "a length": endless(HEAD + b"Content-Length: 999999999\r\n\r\n", b"x" * 65_536),
    "until it closes": endless(HEAD + b"\r\n", b"x" * 65_536),
    "an error": endless(b"HTTP/1.1 503 X\r\n\r\n", b"x" * 65_536),
    "a redirect": endless(b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\n\r\n", b"x" * 65_536),
    "a chunk of size -1": endless(CHUNKED + b"-1\r\n", b"x" * 65_536),
    "headers": endless(HEAD, b"X-A: " + b"y" * 60_000 + b"\r\n"),
    "a header": endless(HEAD + b"X-A: ", b"y" * 60_000),
    "interim answers": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "trailers": endless(CHUNKED + b"0\r\n", b"X-A: y\r\n" * 1000),
    "a bomb": bomb(),
    "another encoding": reply(b"x" * 100, headers=[("Content-Encoding", "br")]),
    "many encodings": reply(b"x" * 100, headers=[("Content-Encoding", "gzip, " * 50 + "gzip")]),
}


@pytest.mark.parametrize("operation", ["discover", "append"])
@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_without_an_end_costs_little_and_is_an_error_of_ours(service, operation, kind):
    service.answers[operation] = ENDLESS[kind]
    client = service.connect(retry=sp.RetryPolicy(attempts=1, budget_s=0))
    tracemalloc.start()
    try:
        with pytest.raises(sp.SnowpipeError):
            append(client.open_channel("c", table="D.S.T"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # http.client asks the socket for "-1 bytes" at once; what it gets is bounded on the wire.
    assert peak < (25 if kind == "a chunk of size -1" else 5) * MB
    assert service.sent < 40 * MB


def test_a_body_is_read_up_to_its_limit_and_the_connection_is_not_used_again_after_it(service, channel):
    padded = {"channel_statuses": {"c": STATUS}, "pad": ""}
    padded["pad"] = "x" * (MB - len(json.dumps(padded)))
    service.answers["status"] = reply(padded)
    assert channel.status().rows_inserted == 0
    before = service.connections
    padded["pad"] += "x" * MB
    service.answers["status"] = [reply(padded)]
    assert channel.status().rows_inserted == 0
    assert service.connections == before + 1


def test_the_states_of_many_channels_may_be_longer(service):
    names = [f"c{number}" for number in range(1000)]
    states = {name: STATUS | {"last_error_message": "x" * 2000} for name in names}
    service.answers["status"] = reply({"channel_statuses": states})
    with service.connect() as client:
        assert len(client.channel_statuses(names, table="D.S.T")) == 1000


def test_an_answer_in_gzip_is_read(service, channel):
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = squeezed.compress(json.dumps({"channel_statuses": {"c": STATUS}}).encode()) + squeezed.flush()
    service.answers["status"] = reply(body, headers=[("Content-Encoding", "gzip")])
    assert channel.status().rows_inserted == 0
    plain = json.dumps({"channel_statuses": {"c": STATUS}}).encode()
    for sent, encoding in ((body[:-9], "gzip"), (plain, "gzip"), (plain, "br"), (plain, "gzip, gzip")):
        service.answers["status"] = reply(sent, headers=[("Content-Encoding", encoding)])
        with pytest.raises(TransportError, match="could not be decoded"):
            channel.status()


@pytest.mark.parametrize(
    "body", [b"x" * 2 * MB, b'{"next_continuation_token":"' + b"t" * 70_000 + b'"}', b"[1]"]
)
def test_an_append_whose_success_cannot_be_read_is_in_doubt(service, channel, body):
    service.answers["append"] = reply(body)
    with pytest.raises(ChannelInvalidError) as caught:
        append(channel)
    assert caught.value.code == UNREADABLE_ANSWER
    assert channel.in_doubt


def test_a_load_goes_on_after_an_append_whose_success_cannot_be_read(service, channel):
    service.answers["append"] = [reply(b"x" * 2 * MB)]
    result = sp.stream(pd.DataFrame({"ID": [1, 2, 3]}), channel, progress=False)
    assert (result.rows_in_table, result.reopens) == (3, 1)


# Headers.


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("99999999999", 99_999_999_999),
        ("9" * 5000, 10**15),
        ("Wed, 21 Oct 2099 07:28:00 GMT", None),
        *(
            (odd, 0)
            for odd in ("-5", "NaN", "inf", "1e9", "", "abc", "1, 2", "\xb2", "Wed, 99 Foo 2026 99:99:99 GMT")
        ),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", 0),
    ],
)
def test_a_wait_beyond_the_budget_is_reported_and_an_invalid_one_is_replaced_by_ours(
    service, channel, text, seconds
):
    service.answers["append"] = reply({"code": "X"}, 429, [("Retry-After", text)])
    started = time.monotonic()
    with pytest.raises(ThrottledError) as caught:
        append(channel)
    assert time.monotonic() - started < 2
    if seconds == 0:
        assert not caught.value.retry_after_s
    else:
        assert seconds is None or abs(caught.value.retry_after_s - seconds) <= 1
        assert "the service asks to wait" in str(caught.value)


def test_a_wait_longer_than_a_day_is_not_waited_for_whatever_the_budget(service):
    channel = service.open(retry=sp.RetryPolicy(budget_s=math.inf))
    service.answers["append"] = reply({"code": "X"}, 429, [("Retry-After", "100000")])
    with pytest.raises(ThrottledError, match="the service asks to wait 100000 s"):
        append(channel)


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 21 Oct 9999 07:28:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Wed, 21 Oct 2026 07:28:00 +9999",
        *(",,,", "1 1 1 1 1", "0", "9" * 5000, ""),
    ],
)
def test_a_date_that_no_server_can_mean_moves_no_clock(service, date):
    service.answers["discover"] = lambda honest: honest.replace(
        b" X\r\n", b" X\r\nDate: %b\r\n" % date.encode()
    )
    channel = service.open()
    assert channel.clock.offset_s == 0


@pytest.mark.parametrize(
    ("value", "echoed"),
    [
        ("s-1", "s-1"),
        ("a=b; c=d", "a=b; c=d"),
        ("a\r\n X-Evil: 1", ("a X-Evil: 1", None)),  # unfolded by newer versions of urllib3
        *((odd, None) for odd in ("\xe9", "a\tb", "a\x00b", "s" * 5000, "")),
    ],
)
def test_a_session_is_echoed_as_it_is_or_not_at_all(service, channel, value, echoed):
    service.answers["append"] = lambda honest: honest.replace(
        b" X\r\n", b" X\r\nX-Snowflake-Session: %b\r\n" % value.encode("latin-1"), 1
    )
    append(channel)
    append(channel, "2")
    headers = service.requests("append")[-1][2]
    allowed = echoed if isinstance(echoed, tuple) else (echoed,)
    assert headers.get("x-snowflake-session") in allowed
    assert "x-evil" not in headers


@pytest.mark.parametrize(
    "token", ["a\r\nX-Evil: 1", "\x00\x1b[2J", "\xe9\U0001f600", "a b&c=d#e%41", "../../x"]
)
def test_a_continuation_token_of_odd_characters_comes_back_as_it_was(service, token):
    service.answers["open"] = reply({"next_continuation_token": token, "channel_status": STATUS})
    append(service.open())
    path = service.requests("append")[0][1]
    assert parse_qs(urlsplit(path).query)["continuationToken"] == [token]


def test_cookies_are_not_kept(service):
    service.answers["discover"] = lambda honest: honest.replace(
        b" X\r\n", b" X\r\nSet-Cookie: a=b; Path=/\r\n"
    )
    service.open()
    assert not any("cookie" in headers for _, _, headers, _ in service.seen)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_target_harmless(service, channel, status):
    service.answers["status"] = reply(b"", status, [("Location", f"{service.url}/elsewhere\x1b[31m")])
    with pytest.raises(ServiceError, match="is not followed") as caught:
        channel.status()
    assert str(caught.value).isprintable()
    assert not service.requests("other")


@pytest.mark.parametrize(
    "body", [b"SECRET1\r\nX-Evil: 1", b"SECRET1 x", b'{"token":"SECRET1\\u2603"}', b"<html>SECRET1"]
)
def test_a_scoped_token_that_cannot_be_one_is_refused_and_not_shown(service, body):
    service.answers["token"] = reply(body)
    with pytest.raises(ServiceError, match="the answer holds no token") as caught:
        service.open()
    after_this_test = caught.value.__traceback__.tb_next
    lines = traceback.TracebackException(
        type(caught.value), caught.value, after_this_test, capture_locals=True
    ).format()
    assert "SECRET1" not in "".join(lines)


@pytest.mark.parametrize("life", ["-1", "0", "1e300", '"6e2"', "true", "null", "[]", "1e400"])
def test_a_life_of_a_token_that_cannot_be_one_is_an_hour(service, life):
    service.answers["token"] = reply(f'{{"token":"abc","expires_in":{life}}}'.encode())
    if life == "1e400":  # no JSON
        with pytest.raises(ServiceError, match="no token"):
            service.open()
    else:
        life = service.open().tokens["scoped"]
        assert (life.life_s, life.assumed) == (pytest.approx(3600, abs=1), True)


@pytest.mark.parametrize("life", ["600", '"600"'])
def test_a_reported_life_of_a_token_is_not_assumed(service, life):
    service.answers["token"] = reply(f'{{"token":"abc","expires_in":{life}}}'.encode())
    life = service.open().tokens["scoped"]
    assert (life.life_s, life.assumed) == (pytest.approx(600, abs=1), False)
