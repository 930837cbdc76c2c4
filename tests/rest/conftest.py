"""Fixtures of the protocol's tests: clients and channels, without loads."""

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.config import load_settings
from snowpipe_pandas.rest.client import Client
from tests.support.loads import make_table, open_channel

QUICK = sp.RetryPolicy(base_s=0.01, cap_s=0.1, budget_s=20.0)


@pytest.fixture
def connect(account):
    """Make clients of the account, with any parts."""
    clients = []

    def connect(**parts):
        client = Client(load_settings(account.profile), **{"retry": QUICK} | parts)
        clients.append(client)
        return client

    make_table(account)
    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def channel(connect):
    return open_channel(connect())
