"""The pacer, without a service: however that counts, nothing is above its limits; a 429 slows it down."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.rest.pacer import (
    DOCUMENTED,
    LEAST_SHARE,
    RECOVERY_PER_S,
    SLOWER,
    UNLIMITED,
    Pacer,
    RateLimits,
)
from tests.support.meters import Bucket, FixedSecond, SlidingSecond

MB = 1_000_000
METERS = [SlidingSecond, FixedSecond, lambda: FixedSecond(0.37), lambda: FixedSecond(0.99), Bucket]

an_append = st.tuples(
    st.integers(0, 20 * MB) | st.sampled_from([0, 1, 5 * MB, 10 * MB, 16 * MB, 20 * MB]),
    st.floats(0.0, 3.0),  # how long its answer takes
    st.floats(0.0, 1.0),  # where on this way the service counts it
    st.just(0.0) | st.floats(0.0, 5.0),  # how long nobody sends after it
)


def drive(pacer, appends, meters):
    """Send one append after the other, as a channel does; return the time of the last answer."""
    now = 1000.0
    for size, trip_s, place, idle_s in appends:
        while (until := pacer.wait_until(now, size)) > now:
            now = until
        for meter in meters:
            assert meter.takes(now + place * trip_s, size), meter
        now += trip_s
        pacer.sent(now, size)
        now += idle_s
    return now


@given(st.lists(an_append, max_size=60))
@settings(max_examples=300)
def test_whichever_second_the_service_counts_none_has_more_than_the_limits(appends):
    drive(Pacer(), appends, [make() for make in METERS])


@pytest.mark.parametrize("make", METERS)
@pytest.mark.parametrize(
    ("appends", "most_s"),
    [
        ([(16 * MB, 0.05, 0.5, 0.0)] * 13, 13 * 1.06),  # 200 MB in the largest payloads
        ([(5 * MB, 0.02, 0.5, 0.0)] * 40, 10 * 1.03),  # 200 MB in payloads of which four fit into a second
        ([(30, 0.003, 0.5, 0.0)] * 200, 20.2),  # 200 loads of a row
    ],
)
def test_200_mb_and_200_rows_pass_without_a_429_and_hardly_later_than_they_must(make, appends, most_s):
    assert drive(Pacer(), appends, [make()]) - 1000.0 <= most_s


def test_an_idle_channel_sends_at_once_as_much_as_a_second_takes():
    pacer = Pacer()
    for at in range(4):
        assert pacer.wait_until(at / 10, 5 * MB) == at / 10
        pacer.sent(at / 10, 5 * MB)
    assert pacer.wait_until(0.5, 1) == 1.0
    assert pacer.wait_until(0.5, 5 * MB + 1) == 1.1
    assert pacer.wait_until(3.0, 20 * MB) == 3.0


def test_what_is_above_the_limit_alone_leaves_alone_and_is_paid_for():
    pacer = Pacer()
    pacer.sent(0.0, 1)
    assert pacer.wait_until(0.5, 50 * MB) == 1.0
    pacer.sent(1.0, 50 * MB)
    assert pacer.wait_until(1.0, 1) == 3.5


def test_without_limits_nothing_waits_and_nothing_is_kept():
    pacer = Pacer(UNLIMITED)
    for _ in range(1000):
        assert pacer.wait_until(0.0, 16 * MB) == 0.0
        pacer.sent(0.0, 16 * MB)
        pacer.throttled(0.0, 1.0)
    assert len(pacer._sent) <= 1


def test_what_takes_no_room_any_more_is_not_kept():
    pacer = Pacer(RateLimits(math.inf, 100.0))
    now = drive(pacer, [(1, 0.001, 0.5, 0.0)] * 5000, [])
    assert now - 1000 >= 49
    assert len(pacer._sent) <= 101


def test_a_load_may_have_other_limits_than_the_service_reports():
    pacer = Pacer()
    pacer.sent(0.0, 5 * MB)
    assert pacer.wait_until(0.0, 5 * MB, bytes_per_s=6e6) == 1.0
    assert pacer.wait_until(0.0, 5 * MB, bytes_per_s=2e6) == 2.5
    assert pacer.wait_until(0.0, 5 * MB, requests_per_s=1) == 1.0
    assert pacer.wait_until(0.0, 5 * MB, requests_per_s=0.5) == 2.0
    assert pacer.wait_until(0.0, 16 * MB, bytes_per_s=math.inf) == 0.0
    pacer = Pacer(UNLIMITED)
    pacer.sent(0.0, 5 * MB)
    assert pacer.wait_until(0.0, 5 * MB, bytes_per_s=6e6) == 1.0


def throughput(pacer, now, size=MB, seconds=20):
    """Bytes a second that leave from now on."""
    began, sent = now, 0
    while now < began + seconds:
        now = max(now, pacer.wait_until(now, size))
        pacer.sent(now, size)
        sent += size
    return sent / (now - began)


def test_a_429_slows_down_and_time_without_another_one_gives_the_pace_back():
    pacer = Pacer(RateLimits(DOCUMENTED.bytes_per_s, math.inf))
    assert throughput(pacer, 0.0) == pytest.approx(20 * MB, rel=0.06)
    pacer.throttled(100.0, 1.0)
    assert pacer.share_at(100.0) == pacer.share_at(101.0) == SLOWER
    assert throughput(pacer, 101.0, seconds=2) <= 0.76 * 20 * MB
    full_at = 101.0 + (1 - SLOWER) / RECOVERY_PER_S
    assert pacer.share_at(full_at - 1) < 1.0 == pacer.share_at(full_at + 1)
    assert throughput(pacer, 200.0) == pytest.approx(20 * MB, rel=0.06)


def test_429s_of_one_second_are_one_lesson_and_no_number_of_them_stops_a_channel():
    pacer = Pacer()
    for at in range(10):
        pacer.throttled(50.0 + at / 20, 0.0)
    assert pacer.share_at(50.45) == SLOWER
    for at in range(100):
        pacer.throttled(100.0 + at, 1.0)
    assert pacer.share_at(199.0) == LEAST_SHARE
    pacer.sent(199.0, 16 * MB)
    assert pacer.wait_until(199.0, 16 * MB) == 199.0 + 16 / (20 * LEAST_SHARE)


def test_a_service_with_lower_limits_than_it_reports_is_obeyed_soon():
    """Half of the documented rate: after the first 429s one comes every few seconds, to try for more."""
    pacer, meter = Pacer(), SlidingSecond(bytes_per_s=10 * MB)
    now, refused = 0.0, []
    while now < 120.0:
        now = max(now, pacer.wait_until(now, MB))
        if meter.takes(now, MB):
            pacer.sent(now, MB)
        else:
            refused.append(now)
            pacer.throttled(now, 1.0)
            now += 1.0
    assert len(refused) <= 20
    assert sum(size for _, size in meter.taken) >= 0.7 * 120 * 10 * MB


@pytest.mark.parametrize("new_limits", [DOCUMENTED, RateLimits(1 * MB, 1.0), UNLIMITED])
def test_limits_that_change_hold_at_once(new_limits):
    pacer = Pacer()
    pacer.sent(0.0, 16 * MB)
    pacer.limits = new_limits
    assert pacer.wait_until(0.0, 16 * MB) == {20e6: 1.0, 1e6: 16.0, math.inf: 0.0}[new_limits.bytes_per_s]
