"""Faults 31 to 36: tokens and clocks in the middle of a load."""

import threading
import warnings

import pytest

from snowpipe_pandas.auth.tokens import ClockSkewWarning
from snowpipe_pandas.errors import AuthenticationError
from tests.support.clocks import QuickClock
from tests.support.loads import SMALL, ids, make_table, numbers, open_channel
from tests.support.verdicts import (
    appends,
    every_row_once,
    once_acknowledged,
    once_each,
    resumes,
    run,
)


def exchanges(account):
    return [request for request in account.requests if request.operation == "token"]


def test_31_scoped_tokens_that_end_soon_cost_one_exchange_each_for_eight_threads(account, connect):
    make_table(account)
    account.door.token_lifetime_s = 1.0
    client = connect()
    channels = [open_channel(client, f"c{number}") for number in range(8)]
    before = len(exchanges(account))
    started = client.events
    renewed = []

    def load(number):
        for part in range(4):
            frame = numbers(100, start=1000 * number + 100 * part)
            frame.snowpipe.stream(channels[number], limits=SMALL, progress=False)

    with started.heard_by(renewed.append):
        threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ids(account)) == sorted(1000 * n + i for n in range(8) for i in range(400))
    tokens = [event for event in renewed if type(event).__name__ == "TokenRenewed"]
    assert len(exchanges(account)) - before == len(tokens)
    refusals = [request for request in account.requests if request.status == 401]
    assert len(refusals) <= 8 * max(1, len(tokens))


def test_32_a_401_forever_ends_the_load_after_few_requests(account, channel):
    account.faults.add("append", after=3, times=1000, status=401, body=b'{"code": "390303", "message": "no"}')
    with pytest.raises(AuthenticationError, match="DEMO_USER") as caught:
        run(channel)
    assert len([request for request in appends(account) if request.status == 401]) <= 3
    assert caught.value.load.rows_acknowledged > 0
    once_each(account)
    account.faults.clear()
    resumes(account, channel)


def test_33_a_403_once_is_a_role_that_is_still_spreading(account, channel):
    account.faults.add("append", after=3, status=403)
    every_row_once(account, run(channel))


def test_33_a_403_forever_is_an_error_with_its_code(account, channel):
    account.faults.add("append", times=1000, status=403, body=b'{"code": "ERR_NO_PRIVILEGE"}')
    with pytest.raises(AuthenticationError, match="ERR_NO_PRIVILEGE") as caught:
        run(channel)
    assert (caught.value.status, caught.value.code) == (403, "ERR_NO_PRIVILEGE")
    assert len(appends(account)) == 2


def test_34_a_key_that_was_rotated_away_is_an_error_that_names_who_signed(account, channel, connect):
    fingerprint = connect().identity[2]

    def rotate():
        account.sql("ALTER USER DEMO_USER UNSET RSA_PUBLIC_KEY")
        account.door.revoke_scoped()

    with pytest.raises(AuthenticationError) as caught:
        run(channel, progress=once_acknowledged(100, rotate))
    error = caught.value
    assert (error.account, error.user, error.fingerprint) == ("LOCAL", "DEMO_USER", fingerprint)
    for part in ("LOCAL", "DEMO_USER", fingerprint):
        assert part in str(error)
    assert "eyJ" not in str(error)
    assert len([r for r in account.requests if r.operation == "token" and r.status == 401]) == 2
    once_each(account)


@pytest.mark.parametrize("off_s", [300, -300, 7200, -7200])
def test_35_a_clock_that_is_wrong_is_learned_from_the_server(account, connect, off_s):
    make_table(account)
    account.clock.move(off_s)
    with pytest.warns(ClockSkewWarning, match="clock is"):
        every_row_once(account, run(open_channel(connect())))
    assert len(exchanges(account)) <= 2


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_36_a_wall_clock_that_is_stepped_in_mid_stream(account, connect, step_s):
    make_table(account)
    clock = QuickClock()
    channel = open_channel(connect(clock=clock))
    wall = clock._wall

    def step():
        clock._wall = lambda: wall() + step_s

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClockSkewWarning)
        every_row_once(account, run(channel, progress=once_acknowledged(100, step)))
    assert len(exchanges(account)) == 1


def test_401_in_mid_stream_costs_one_exchange_and_no_row(account, channel):
    before = len(exchanges(account))
    every_row_once(account, run(channel, progress=once_acknowledged(100, account.door.revoke_scoped)))
    assert len(exchanges(account)) == before + 1
