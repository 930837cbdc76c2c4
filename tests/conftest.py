"""Fixtures that every test may use, and the hygiene that every test gets."""

import os
import threading
import time

import hypothesis
import pytest

import snowpipe_pandas as sp

# A busy machine may take its time for an example; pytest's own time-out is for what hangs.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

OUR_THREADS = "snowpipe-"
QUICK = sp.RetryPolicy(base_s=0.01, budget_s=10.0)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch, tmp_path_factory):
    """No SNOWFLAKE_* variable and no configuration folder of the machine reaches a test."""
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))


@pytest.fixture(autouse=True)
def no_thread_left_behind():
    """A thread of the package that outlives its test fails that test."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5.0
    while True:
        left = [t for t in set(threading.enumerate()) - before if t.name.startswith(OUR_THREADS)]
        if not left or time.monotonic() > deadline:
            break
        left[0].join(0.05)
    assert not left


@pytest.fixture
def account(snowpipe_account):
    """A local account of this test's own, committing almost at once."""
    return snowpipe_account


@pytest.fixture
def client(account):
    """A client of that account."""
    with sp.connect(account.profile, retry=QUICK) as client:
        yield client
