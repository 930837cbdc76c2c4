"""Sessions: one load is the only writer of a channel, and what it leaves is known to the next one."""

import pytest

from snowpipe_pandas.errors import ChannelInvalidError, ClosedError, ServiceError, UsageError
from snowpipe_pandas.rest.standing import Standing
from tests.support.callers import ANYBODY
from tests.support.loads import ids, open_channel
from tests.support.threads import Background, eventually

ROW = b'{"ID":1,"TEXT":"one"}\n'
FIRST = {"start_offset_token": "0", "end_offset_token": "1"}
PLAIN = {"raw_bytes": len(ROW), "content_encoding": None}


def test_a_session_appends_and_asks_and_reopens(account, channel):
    with channel.exclusive("load-1", ANYBODY) as session:
        assert session.append(ROW, **FIRST, **PLAIN).tries == 1
        assert channel.last_appended_token == "1"
        assert not session.in_doubt
        eventually(lambda: session.fetch_status().last_committed_offset_token == "1")
        assert session.reopen().last_committed_offset_token == "1"
    assert ids(account) == [1]
    sent = account.requests[-1 - [r.path.endswith("/rows") for r in account.requests[::-1]].index(True)]
    assert sent.headers["x-snowflake-uncompressed-content-length"] == str(len(ROW))


def test_a_channel_that_is_not_listed_is_none_at_once(account, channel):
    account.faults.add("status", change=lambda answer: {"channel_statuses": {}})
    with channel.exclusive("load-1", ANYBODY) as session:
        assert session.fetch_status() is None


def test_nobody_else_writes_while_a_load_has_the_channel(account, channel):
    busy = r"channel 'test' is busy with load 'load-1'; wait for it, or open another channel"
    with channel.exclusive("load-1", ANYBODY) as session:
        for write in (
            lambda: channel.append_rows(ROW, **FIRST),
            channel.reopen,
            channel.drop,
            lambda: channel.exclusive("load-2", ANYBODY).__enter__(),
        ):
            with pytest.raises(UsageError, match=busy):
                write()
        session.append(ROW, **FIRST, **PLAIN)
        assert channel.status().channel_name == "test"
        assert channel.wait_for_commit("1", timeout_s=10).last_committed_offset_token == "1"
    assert channel.append_rows(ROW, start_offset_token="1", end_offset_token="2").tries == 1


def test_others_are_refused_at_once_though_a_write_of_the_load_takes_long(account, channel):
    account.faults.add("append", status=503, times=10_000)
    with channel.exclusive("load-1", ANYBODY) as session:
        writing = Background(lambda: session.append(ROW, **FIRST, **PLAIN))
        eventually(lambda: any(r.path.endswith("/rows") for r in account.requests))
        with pytest.raises(UsageError, match="busy with load 'load-1'"):
            channel.append_rows(ROW, **FIRST)
        assert writing.running
        account.faults.clear()
        assert writing.outcome().tries > 1


def test_a_load_that_fails_lets_go_of_the_channel(channel):
    with pytest.raises(ZeroDivisionError), channel.exclusive("load-1", ANYBODY):
        raise ZeroDivisionError
    with channel.exclusive("load-2", ANYBODY) as session:
        assert session.fetch_status() is not None


def test_a_session_that_is_over_no_longer_writes(account, channel):
    with channel.exclusive("load-1", ANYBODY) as session:
        pass
    with pytest.raises(UsageError, match="session with channel 'test' is over"):
        session.append(ROW, **FIRST, **PLAIN)
    with channel.exclusive("load-2", ANYBODY), pytest.raises(UsageError, match="busy with load 'load-2'"):
        session.reopen()
    assert not [r for r in account.requests if r.path.endswith("/rows")]


def test_a_session_begins_after_the_write_that_is_under_way(account, channel):
    """Otherwise it would take the channel's standing as known, and see it change."""
    account.faults.add("append", status=503, times=10_000)
    writing = Background(channel.append_rows, ROW, **FIRST)
    eventually(lambda: any(r.path.endswith("/rows") for r in account.requests))

    def standing():
        with channel.exclusive("load-1", ANYBODY) as session:
            return writing.running, session.standing

    beginning = Background(standing)
    account.faults.clear()
    assert beginning.outcome() == (False, None)
    assert writing.outcome().tries > 1


def test_a_closed_channel_refuses_sessions_and_their_writes(channel):
    with channel.exclusive("load-1", ANYBODY) as session:
        channel.close()
        with pytest.raises(ClosedError, match="channel 'test' is closed"):
            session.append(ROW, **FIRST, **PLAIN)
    with pytest.raises(ClosedError), channel.exclusive("load-2", ANYBODY):
        pass


def standing_of(channel):
    with channel.exclusive("reader", ANYBODY) as session:
        return session.standing


def test_a_channel_stands_where_its_open_says(channel):
    assert standing_of(channel) == Standing(channel.opened_status, 0, None)


def test_an_append_makes_the_standing_unknown_and_a_load_may_write_it(channel):
    with channel.exclusive("load-1", ANYBODY) as session:
        session.append(ROW, **FIRST, **PLAIN)
        assert session.standing is None
        session.standing = known = Standing(session.fetch_status(), 1, "1")
    assert standing_of(channel) == known
    channel.append_rows(ROW, start_offset_token="1", end_offset_token="2")
    assert standing_of(channel) is None
    channel.wait_for_commit(timeout_s=10)
    channel.reopen()
    assert standing_of(channel) == Standing(channel.opened_status, 0, None)
    assert channel.opened_status.last_committed_offset_token == "2"


@pytest.mark.parametrize(
    ("fault", "error", "in_doubt"),
    [({"body": b"{}"}, ChannelInvalidError, True), ({"status": 400}, ServiceError, False)],
    ids=["left in doubt", "refused at once"],
)
def test_an_append_that_fails_leaves_an_unknown_standing(account, channel, fault, error, in_doubt):
    account.faults.add("append", **fault)
    with pytest.raises(error):
        channel.append_rows(ROW, **FIRST)
    assert channel.in_doubt == in_doubt
    assert standing_of(channel) is None


def test_a_reopen_that_fails_leaves_an_unknown_standing(account, channel):
    account.faults.add("open", status=400)
    with pytest.raises(ServiceError):
        channel.reopen()
    assert standing_of(channel) is None
    assert channel.in_doubt


@pytest.mark.parametrize(
    "code",
    ["ERR_CHANNEL_DOES_NOT_EXIST_OR_IS_NOT_AUTHORIZED", "ERR_CHANNEL_DOES_NOT_EXIST_OR_NOT_AUTHORIZED"],
)
def test_a_channel_that_is_gone_is_known_in_either_spelling(account, connect, code):
    gone = b'{"code": "%s"}' % code.encode()
    channel = open_channel(connect(), "gone")
    account.faults.add("append", status=404, body=gone)
    with pytest.raises(ChannelInvalidError) as caught:
        channel.append_rows(ROW, **FIRST)
    assert caught.value.code == code
    channel.reopen()
    account.faults.add("drop", status=503)
    account.faults.add("drop", status=404, body=gone)
    channel.drop()  # the first try, whose answer was a 503, had dropped it
    with pytest.raises(ClosedError):
        channel.reopen()
