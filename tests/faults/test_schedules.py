"""Random frames, random cuts, random trouble, random re-runs: in the end the table is the frame, once.

`SCHEDULES` sets how many are tried (`make soak`: 5,000).
"""

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, given, seed, settings

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest import channel as channel_module
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.streaming import delivery, load, recovery
from tests.support.schedules import check, make_table, schedules

SCHEDULES = int(os.environ.get("SCHEDULES", "300"))
SHARES = 2
"""Tests that share the schedules, so that two workers have something to do."""

SEED = 20130101


@pytest.fixture
def place():
    """One account and client for all schedules; each has a channel of its own."""
    with sp.local(commit_lag_s=0.0) as account:
        make_table(account)
        retry = sp.RetryPolicy(base_s=0.001, cap_s=0.02, budget_s=3.0)
        timeouts = sp.Timeouts(read_s=3.0, total_s=5.0)
        with Client(load_settings(account.profile), retry=retry, timeouts=timeouts) as client:
            yield account, client


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_the_table_is_the_frame_once_whatever_happens(place, share, monkeypatch):
    account, client = place
    monkeypatch.setattr(channel_module, "POLL_FIRST_S", 0.002)
    monkeypatch.setattr(channel_module, "POLL_CAP_S", 0.02)
    monkeypatch.setattr(channel_module, "MISSING_GRACE_S", 0.2)
    monkeypatch.setattr(delivery, "STATUS_INTERVAL_S", 0.01)
    monkeypatch.setattr(delivery, "AUDIT_GRACE_S", 0.2)
    monkeypatch.setattr(delivery, "SETTLE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(recovery, "OWNER_WATCH_S", 0.1)

    @seed(SEED + share)
    @settings(
        max_examples=SCHEDULES // SHARES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(schedules)
    def drive(schedule):
        cut = partial(pack, max_raw_bytes=schedule["raw_bytes"], max_wire_bytes=4000)
        monkeypatch.setattr(load, "pack", cut)
        try:
            check(schedule, account, client)
        finally:
            account.faults.clear()

    drive()
