"""Random frames, random cuts, random trouble, random re-runs: in the end the table is the frame, once.

`SCHEDULES` sets how many are tried (`make soak`: 5,000).
"""

import os

import hypothesis
import pytest
from hypothesis import HealthCheck, given, seed

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.rest.policy import PollPolicy
from tests.support.schedules import check, make_table, schedules

SCHEDULES = int(os.environ.get("SCHEDULES", "200"))
SHARES = max(2, SCHEDULES // 500)
"""Tests that share the schedules, so that two workers have something to do, and none takes an hour."""

SEED = 20130101


@pytest.fixture
def place():
    """One account and client for all schedules; each has a channel of its own."""
    with sp.local(commit_lag_s=0.0) as account:
        make_table(account)
        retry = sp.RetryPolicy(base_s=0.001, cap_s=0.02, budget_s=3.0)
        timeouts = sp.Timeouts(read_s=3.0, total_s=5.0)
        polling = PollPolicy(first_s=0.002, cap_s=0.02, missing_grace_s=1.0)
        settings = load_settings(account.profile)
        with Client(settings, retry=retry, timeouts=timeouts, polling=polling) as client:
            yield account, client


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_the_table_is_the_frame_once_whatever_happens(place, share):
    account, client = place

    @seed(SEED + share)
    @hypothesis.settings(
        max_examples=SCHEDULES // SHARES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(schedules)
    def drive(schedule):
        try:
            check(schedule, account, client)
        finally:
            account.faults.clear()

    drive()
