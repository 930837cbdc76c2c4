"""A load of many small requests, against an account that a test makes trouble for."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest import channel as channel_module
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.streaming import delivery, load, recovery
from tests.support import loads
from tests.support.clocks import QuickClock

ROWS = 300
QUICK = sp.RetryPolicy(base_s=0.01, cap_s=0.1, budget_s=10.0)


@pytest.fixture(autouse=True)
def quick_and_small(monkeypatch):
    """Payloads of 1,000 bytes, and waits in proportion: a commit takes 0.05 s here, not 10."""
    whole = load.pack
    monkeypatch.setattr(load, "pack", lambda *a, **k: whole(*a, **k, max_raw_bytes=1000, max_wire_bytes=4000))
    monkeypatch.setattr(channel_module, "POLL_FIRST_S", 0.02)
    monkeypatch.setattr(channel_module, "MISSING_GRACE_S", 0.5)
    monkeypatch.setattr(delivery, "STATUS_INTERVAL_S", 0.1)
    monkeypatch.setattr(delivery, "AUDIT_GRACE_S", 0.3)
    monkeypatch.setattr(delivery, "SETTLE_TIMEOUT_S", 3.0)
    monkeypatch.setattr(recovery, "OWNER_WATCH_S", 0.6)


@pytest.fixture
def connect(account):
    """Make clients; they are closed at the end."""
    made = []

    def connect(*, clock=None, **options):
        options = {"retry": QUICK, "timeouts": sp.Timeouts(read_s=5.0, total_s=8.0)} | options
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
    channel = loads.open_channel(connect(clock=clock, retry=sp.RetryPolicy()))
    clock.slept.clear()
    return channel, clock.slept
