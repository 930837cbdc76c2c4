"""Loads that hold to a service's limits: on real sockets, whichever way the service counts."""

import math
import threading
import time
from collections import defaultdict
from dataclasses import replace

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.errors import LoadCancelledError
from snowpipe_pandas.events import PhaseChanged, RequestRetried, RowsAcknowledged, RowsCommitted
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.rest.pacer import UNLIMITED
from tests.auth import material
from tests.embedded.raw import lines
from tests.support.clocks import QuickClock
from tests.support.hostile import hostile_service, reply
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers, open_channel
from tests.support.meters import Bucket, FixedSecond, Metered, SlidingSecond

METERS = [SlidingSecond, FixedSecond, Bucket]
UNPACED = sp.LoadLimits(max_bytes_per_s=math.inf, max_requests_per_s=math.inf)
SENT = {"wait": False, "progress": False}
SOON_S = 0.3


class SharedClock(QuickClock):
    """A fast clock, for an account's own too."""

    def __init__(self, account):
        self._account = account
        super().__init__()
        self._wall = account.clock.time

    def _jump(self, seconds, wake):
        self._account.clock.move(seconds)
        super()._jump(seconds, wake)


@pytest.fixture
def strict():
    with sp.local(commit_lag_s=0.0, enforce_limits=True) as account:
        make_table(account)
        yield account


@pytest.fixture
def clock(strict):
    return SharedClock(strict)


@pytest.fixture
def channel(strict, clock):
    with Client(load_settings(strict.profile), clock=clock) as client:
        yield open_channel(client)


@pytest.fixture
def metered(strict):
    """Let the account count in another way."""

    def count(meter):
        strict._operations._rates = rates = Metered(strict.clock, meter)
        return rates

    return count


def large(rows=300_000):
    """Some 60 MB of NDJSON."""
    return pd.DataFrame({"ID": range(rows), "TEXT": "as ordered, and of some two hundred characters " * 4})


@pytest.mark.parametrize("meter", METERS)
def test_a_load_above_the_limits_is_slowed_down_before_a_429(channel, metered, meter):
    rates = metered(meter())
    result = large().snowpipe.stream(channel, **SENT)
    assert (result.rows_acknowledged, result.throttles, rates.refused) == (300_000, 0, 0)
    assert result.raw_bytes > 55e6


def test_the_account_itself_sends_no_429_to_a_load_that_is_paced(channel):
    assert large().snowpipe.stream(channel, **SENT).throttles == 0


@pytest.mark.parametrize("meter", METERS)
def test_without_the_pacer_the_same_load_meets_429s(channel, metered, meter):
    rates = metered(meter())
    result = large().snowpipe.stream(channel, limits=UNPACED, **SENT)
    assert result.rows_acknowledged == 300_000
    assert result.throttles == rates.refused > 0


@pytest.mark.parametrize("meter", METERS)
def test_200_loads_of_one_row_on_one_channel_meet_no_429(strict, channel, metered, meter, clock):
    rates = metered(meter())
    began = clock.monotonic()
    for number in range(200):
        result = numbers(1, start=number).snowpipe.stream(channel, wait=False, progress=False)
        assert result.throttles == 0
    assert rates.refused == 0
    assert 19.0 < clock.monotonic() - began < 30.0
    channel.wait_for_commit()
    assert ids(strict) == list(range(200))


def test_loads_of_one_row_that_are_not_paced_meet_429s(channel):
    throttles = 0
    for number in range(30):
        load = numbers(1, start=number).snowpipe
        throttles += load.stream(channel, wait=False, progress=False, limits=UNPACED).throttles
    assert throttles > 0


def test_appends_by_hand_are_paced_too(strict, channel, metered, clock):
    rates = metered(SlidingSecond())
    for number in range(25):
        channel.append_rows(lines(number), start_offset_token="0", end_offset_token=str(number))
    padded = lines(25) + b" " * 3_000_000 + b"\n"
    for number in range(8):
        channel.append_rows(padded, start_offset_token="0", end_offset_token=f"large {number}")
    assert rates.refused == 0
    assert clock.slept


def test_where_the_service_reports_that_it_has_no_limits_nothing_waits(account):
    make_table(account)
    clock = QuickClock()
    with Client(load_settings(account.profile), clock=clock) as client:
        channel = open_channel(client)
        assert channel._writer.pacer.limits == UNLIMITED
        for number in range(30):
            numbers(1, start=number).snowpipe.stream(channel, wait=False, progress=False)
        for number in range(30):
            channel.append_rows(lines(number), start_offset_token="0", end_offset_token="1")
    assert clock.slept == []


@pytest.fixture
def no_limits():
    """A service that does not report its limits, a channel, and the client's clock."""
    clock = QuickClock()
    with hostile_service() as service:
        settings = load_settings(url=service.url, account="a", user="u", private_key=material.pem())
        retry = sp.RetryPolicy(base_s=0.01, cap_s=0.02)
        with Client(settings, clock=clock, retry=retry) as client:
            yield service, client.open_channel("c", table="D.S.T"), clock


def acknowledged(clock, channel, *, seconds=3):
    """Stream this long, a row in each request; return when they were acknowledged, from the first one on."""
    times = []

    def listen(event):
        if isinstance(event, RowsAcknowledged):
            times.append(clock.monotonic())

    limits = sp.LoadLimits(max_raw_bytes=31, first_raw_bytes=31)
    numbers(10 * seconds + 1, start=10).snowpipe.stream(channel, limits=limits, wait=False, progress=listen)
    return [at - times[0] for at in times]


def paced(times, number, *, seconds=3):
    """Whether no second had more than this many, and each about that many: a late answer costs one."""
    each = [sum(second <= at < second + 1 for at in times) for second in range(seconds)]
    return max(each) <= number and sum(each) >= (number - 1) * seconds


def test_the_documented_limits_hold_where_the_service_reports_none(no_limits):
    _, channel, clock = no_limits
    assert paced(acknowledged(clock, channel), 10)


def test_a_429_slows_a_channel_down_and_peace_gives_the_pace_back(no_limits):
    service, channel, clock = no_limits
    service.answers["append"] = [reply(status=429, headers=[("Retry-After", "3")])]
    assert paced(acknowledged(clock, channel), 7)
    assert 3.0 in clock.slept
    clock.pass_time(60.0)
    assert paced(acknowledged(clock, channel), 10)


def test_a_try_that_failed_otherwise_takes_room_and_is_not_a_reason_to_slow_down(no_limits):
    service, channel, clock = no_limits
    service.answers["append"] = [reply(status=503, headers=[("Retry-After", "0")])] * 4
    at = defaultdict(list)
    with channel.events.heard_by(lambda event: at[type(event)].append(clock.monotonic())):
        assert paced(acknowledged(clock, channel), 10)
    assert len(at[RequestRetried]) == 4
    a_second_later = at[RequestRetried][0] + 1.0
    assert 0 < sum(time < a_second_later for time in at[RowsAcknowledged]) <= 10 - 4


def test_a_429_to_the_token_that_an_append_needs_teaches_nothing(no_limits):
    service, channel, clock = no_limits
    service.answers["append"] = [reply(status=401)]
    service.answers["token"] = [reply(status=429, headers=[("Retry-After", "3")])]
    assert paced(acknowledged(clock, channel), 10)


class Watch:
    """Lets a test wait for what it wants to see of a load."""

    def __init__(self, wanted):
        self._wanted = wanted
        self.met = threading.Event()

    def __call__(self, event):
        if self._wanted(event):
            self.met.set()


@pytest.fixture
def waiting(account):
    """A load that may send one request in 20 s: it waits for its second one."""
    make_table(account)
    acknowledged = Watch(lambda event: isinstance(event, RowsAcknowledged))
    committed = Watch(lambda event: isinstance(event, RowsCommitted))
    paused = Watch(lambda event: isinstance(event, PhaseChanged) and event.phase == "paused")

    def listen(event):
        for watch in (acknowledged, committed, paused):
            watch(event)

    with sp.connect(account.profile) as client:
        channel = client.open_channel("slow", table=TABLE)
        job = numbers(500).snowpipe.stream(
            channel, limits=replace(SMALL, max_requests_per_s=0.05), background=True, progress=listen
        )
        assert acknowledged.met.wait(20)
        yield job, committed, paused
        job.cancel()
        assert job.wait(20)


def test_while_a_load_waits_for_its_turn_statuses_are_read_and_its_phase_is_sending(waiting):
    job, committed, _ = waiting
    assert committed.met.wait(5)
    progress = job.progress
    assert (progress.phase, progress.requests) == ("sending", 1)
    assert progress.rows_in_table > 0


def test_a_pause_and_a_cancel_are_obeyed_while_a_load_waits_for_its_turn(waiting):
    job, committed, paused = waiting
    assert committed.met.wait(5)
    time.sleep(0.3)  # all that was sent is committed: it waits for its turn only
    began = time.monotonic()
    job.pause()
    assert paused.met.wait(5)
    assert time.monotonic() - began < SOON_S
    job.resume()
    time.sleep(0.1)
    began = time.monotonic()
    job.cancel()
    assert job.wait(5)
    assert time.monotonic() - began < SOON_S
    with pytest.raises(LoadCancelledError):
        job.result()
