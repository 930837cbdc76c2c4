"""Snowflake's official SDK, unchanged, against a local account.

One account a process: the SDK's uploads trust the certificates that they found at their first connection.
"""

import os
from importlib.metadata import version

os.environ.setdefault("SS_LOG_LEVEL", "error")  # read when the SDK is imported

import pytest

import snowpipe_pandas as sp
from tests.sdk.official import Official

OLDEST = (1, 9)
"""Older ones trust only the authorities that they were built with, or do so in their uploads."""


@pytest.fixture(scope="session")
def account():
    installed = version("snowpipe-streaming")
    assert tuple(map(int, installed.split(".")[:2])) >= OLDEST, f"snowpipe-streaming {installed} is too old"
    with sp.local(tls=True, commit_lag_s=0.05) as account:
        yield account


@pytest.fixture(scope="session")
def of_session(account):
    return Official(account)


@pytest.fixture
def official(of_session, monkeypatch):
    """Makes tables and the SDK's clients, which are closed at the end; no fault and no pause stays."""
    monkeypatch.setenv("SSL_CERT_FILE", of_session.profile["ca_file"])
    yield of_session
    of_session.account.faults.clear()
    of_session.account.channels.resume()
    of_session.close()
