"""The service's rates: 10 requests and 20 MB in a second for each named channel, where they are enforced."""

import math
import subprocess
from dataclasses import replace

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.clock import AccountClock
from snowpipe_pandas.embedded.protocol.limits import BYTES_PER_S, REQUESTS_PER_S, Rates
from snowpipe_pandas.embedded.refusals import Refused
from snowpipe_pandas.events import RequestRetried
from tests.embedded.raw import PIPE, Raw, code, lines
from tests.embedded.test_outages import COMMAND
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers

UNPACED = replace(SMALL, max_bytes_per_s=math.inf, max_requests_per_s=math.inf)
THROTTLED = (429, "ERR_THROTTLED")


class StandingClock(AccountClock):
    """An account's clock that moves only when it is moved."""

    def monotonic(self):
        return self._moved_s


@pytest.fixture
def clock():
    return StandingClock()


@pytest.fixture
def rates(clock):
    return Rates(clock)


def wait_of(rates, size, channel=("C",)):
    """Take, and return the seconds that a refusal wants, 0 if it was taken."""
    try:
        rates.take(channel, size)
    except Refused as refused:
        return int(refused.headers["Retry-After"])
    return 0


def test_ten_requests_a_second_and_no_more(rates, clock):
    for _ in range(3):
        assert [wait_of(rates, 0) for _ in range(REQUESTS_PER_S + 2)] == [0] * REQUESTS_PER_S + [1, 1]
        clock.move(1.0)


def test_a_tenth_of_a_second_lets_one_more_in(rates, clock):
    for _ in range(REQUESTS_PER_S):
        rates.take(("C",), 0)
    clock.move(0.1001)
    assert [wait_of(rates, 0), wait_of(rates, 0)] == [0, 1]


def test_twenty_megabytes_a_second_and_no_more(rates, clock):
    assert wait_of(rates, 16_000_000) == 0
    assert wait_of(rates, 16_000_000) == 1
    assert wait_of(rates, 4_000_000) == 0
    clock.move(0.8001)
    assert wait_of(rates, 16_000_000) == 0


def test_time_that_nobody_used_is_not_saved_up(rates, clock):
    clock.move(1000)
    assert wait_of(rates, BYTES_PER_S) == 0
    assert wait_of(rates, 1) == 1


def test_what_was_refused_is_not_counted(rates, clock):
    rates.take(("C",), BYTES_PER_S)
    for _ in range(50):
        assert wait_of(rates, 10_000_000) == 1
    clock.move(0.5001)
    assert wait_of(rates, 10_000_000) == 0


def test_each_channel_has_rates_of_its_own(rates):
    assert wait_of(rates, BYTES_PER_S, ("A",)) == 0
    assert wait_of(rates, BYTES_PER_S, ("B",)) == 0


def test_a_clock_that_is_moved_back_locks_nobody_out(rates, clock):
    rates.take(("C",), BYTES_PER_S)
    clock.move(-1000)
    assert wait_of(rates, 1) == 1
    clock.move(1.0)
    assert wait_of(rates, BYTES_PER_S) == 0


def test_channels_that_send_no_more_are_forgotten(rates, clock):
    for number in range(20_000):
        rates.take((str(number),), 1)
        clock.move(0.001)
    assert len(rates._meters) < 6_000


@pytest.fixture
def strict():
    with sp.local(commit_lag_s=0.0, enforce_limits=True) as account:
        make_table(account)
        yield account


def test_an_append_too_many_is_429_and_its_token_stays_good(strict):
    raw = Raw(strict)
    raw.open()
    strict.clock.monotonic = lambda: 1000.0
    for number in range(REQUESTS_PER_S):
        assert raw.append(lines(number), str(number)).ok
    answer = raw.append(lines(10), "10")
    assert (code(answer), answer.headers["Retry-After"]) == (THROTTLED, "1")
    assert raw.status()  # appends only are counted
    strict.clock.monotonic = lambda: 1001.0
    assert raw.append(lines(10), "10").ok
    raw.committed("10")
    assert ids(strict) == list(range(11))


def test_bytes_are_counted_as_they_were_before_compression(strict):
    raw = Raw(strict)
    raw.open()
    strict.clock.monotonic = lambda: 1000.0
    body = lines(1) + b" " * 3_000_000 + b"\n"
    answers = [code(raw.append(body, str(number)))[0] for number in range(8)]
    assert answers == [200] * 6 + [429, 429]


def test_elastic_appends_have_no_such_rates(strict):
    raw = Raw(strict)
    url = f"/data{PIPE}/channels/ELASTIC/rows"
    assert all(raw.call("POST", url, data=lines(number)).ok for number in range(3 * REQUESTS_PER_S))


def test_without_the_option_a_channel_sends_as_fast_as_it_can(raw):
    assert all(raw.append(lines(number), str(number)).ok for number in range(3 * REQUESTS_PER_S))


def test_a_load_waits_as_asked_and_arrives_whole(strict):
    events = []
    with sp.connect(strict.profile) as client:
        channel = client.open_channel("fast", table=TABLE)
        result = numbers(1200).snowpipe.stream(channel, limits=UNPACED, progress=events.append)
    assert result.requests > REQUESTS_PER_S
    assert ids(strict) == list(range(1200))
    assert any(isinstance(event, RequestRetried) for event in events)
    assert 429 in {request.status for request in strict.requests}


@pytest.mark.parametrize("name", ["strict", "account"])
def test_the_answer_to_an_open_shows_the_limits_or_that_there_are_none(request, name):
    account = request.getfixturevalue(name)
    if name == "account":
        make_table(account)
    reported = Raw(account).open().json()["limits"]
    rates = {"bytes_per_second": 20_000_000, "requests_per_second": 10}
    assert reported == {"strict": rates, "account": None}[name]


def test_serve_enforces_limits_if_asked_to(tmp_path):
    path = str(tmp_path / "strict.duckdb")
    with sp.local(path) as account:
        make_table(account)
    process = subprocess.Popen(
        [COMMAND, "serve", path, "--enforce-limits"], stdout=subprocess.PIPE, text=True
    )
    try:
        profile = process.stdout.readline().partition("profile ")[2].strip()
        with sp.connect(profile, retry=sp.RetryPolicy(budget_s=0)) as client:
            channel = client.open_channel("c", table=TABLE)
            with pytest.raises(sp.SnowpipeError, match="429"):
                numbers(1200).snowpipe.stream(channel, limits=UNPACED, progress=False)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
    assert process.returncode == 0
