"""Looking at a channel's status again and again: pauses, and a channel that answers leave out."""

import time

import pytest

from snowpipe_pandas.auth.tokens import Clock
from snowpipe_pandas.errors import ChannelLostError, CommitTimeoutError
from snowpipe_pandas.rest.policy import PollPolicy
from snowpipe_pandas.rest.polling import Missing, Polling
from tests.support.clocks import QuickClock
from tests.support.loads import open_channel


def nothing_listed(answer):
    return {"channel_statuses": {}}


def test_pauses_grow_by_half_up_to_the_cap():
    polling = Polling(0.25, 2.0)
    pauses = [polling.next_pause_s() for _ in range(8)]
    assert pauses == [0.25, 0.375, 0.5625, 0.84375, 1.265625, 1.8984375, 2.0, 2.0]


def test_a_first_pause_above_the_cap_is_the_cap():
    assert Polling(5.0, 2.0).next_pause_s() == 2.0


def test_a_channel_is_lost_once_it_was_missing_for_the_whole_grace():
    missing = Missing(10.0)
    assert [missing.judge(False, now) for now in (100.0, 109.9, 110.0)] == [False, False, True]


def test_a_channel_that_was_found_meanwhile_is_missing_anew():
    missing = Missing(10.0)
    assert not missing.judge(False, 100.0)
    assert not missing.judge(True, 105.0)
    assert [missing.judge(False, now) for now in (111.0, 120.9, 121.0)] == [False, False, True]


def test_a_status_that_takes_long_and_lists_nothing_is_asked_for_again(account, connect):
    channel = open_channel(connect(clock=Clock(monotonic=lambda: 100 * time.monotonic())))
    account.faults.add("status", delay_s=0.3, change=nothing_listed)
    assert channel.status().channel_name == "test"


def test_a_channel_that_is_not_listed_for_a_while_is_lost(account, connect):
    channel = open_channel(connect(polling=PollPolicy(first_s=0.01, cap_s=0.02, missing_grace_s=0.2)))
    account.faults.add("status", times=10_000, change=nothing_listed)
    started = time.monotonic()
    with pytest.raises(ChannelLostError, match="'test' is no longer listed by the service"):
        channel.status()
    assert 0.2 <= time.monotonic() - started < 3.0


def test_a_commit_is_waited_for_with_the_pauses_of_the_policy(account, connect):
    clock = QuickClock()
    channel = open_channel(connect(clock=clock, polling=PollPolicy(first_s=1.0, cap_s=2.0)))
    clock.slept.clear()
    with pytest.raises(CommitTimeoutError):
        channel.wait_for_commit("never", timeout_s=8.0)
    assert clock.slept == [1.0, 1.5, 2.0, 2.0]
