"""A load of many small requests, against an account to which a test gives trouble."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.rest.policy import PollPolicy
from tests.support import loads
from tests.support.clocks import QuickClock
from tests.support.loads import QUICK_POLLING

ROWS = 300
QUICK = sp.RetryPolicy(base_s=0.01, cap_s=0.1, budget_s=10.0)


@pytest.fixture
def connect(account):
    """Make clients; they are closed at the end."""
    made = []

    def connect(*, clock=None, **options):
        quick = {"retry": QUICK, "timeouts": sp.Timeouts(read_s=5.0, total_s=8.0), "polling": QUICK_POLLING}
        options = quick | options
        client = Client(load_settings(account.profile), clock=clock, **options)
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def channel(account, connect):
    loads.make_table(account)
    return loads.open_channel(connect())


@pytest.fixture
def patient(account, connect):
    """A channel, and the pauses that its client made: waiting costs no time, the budget is two minutes."""
    loads.make_table(account)
    clock = QuickClock()
    channel = loads.open_channel(connect(clock=clock, retry=sp.RetryPolicy(), polling=PollPolicy()))
    clock.slept.clear()
    return channel, clock.slept
