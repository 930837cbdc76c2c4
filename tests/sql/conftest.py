"""Fixtures of the SQL room's tests."""

import pytest

import snowpipe_pandas as sp

QUICK = sp.RetryPolicy(base_s=0.001, cap_s=0.01, budget_s=1.0)

SLOW = "SELECT SUM(a.range * b.range) AS N FROM range(1000000) AS a, range(1000000) AS b"
"""A statement that takes minutes."""


@pytest.fixture
def client(account):
    with sp.connect(account.profile, retry=QUICK) as client:
        yield client


@pytest.fixture
def asked(account):
    """The operations of the SQL API that the account received, with their queries."""

    def found(operation):
        return [request for request in account.requests if request.operation == operation]

    return found
