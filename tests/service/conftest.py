"""The services that the contract is tried on: the local account, and a real one where a profile names it."""

import os
import uuid
from pathlib import Path

import pytest

import snowpipe_pandas as sp

PROFILE, TABLE = "SNOWPIPE_TEST_PROFILE", "SNOWPIPE_TEST_TABLE"
WHERE = ["local", *(["real"] if os.environ.get(PROFILE) else [])]
_FINDINGS = pytest.StashKey[list[str]]()


class Service:
    """A client of a service, and a table with the columns `ID NUMBER, NOTE VARCHAR(10)` there."""

    def __init__(self, client, table, *, is_local):
        self.client = client
        self.table = table
        self.is_local = is_local
        self.commit_s = 5 if is_local else 90
        self._opened = []

    def open(self, name=None, **options):
        """Open a channel that no other run has; it is dropped after the test."""
        name = name or f"contract-{uuid.uuid4()}"
        channel = self.client.open_channel(name, table=self.table, **options)
        self._opened.append(channel)
        return channel

    def drop_channels(self):
        for name in {channel.name for channel in self._opened}:
            self.client.open_channel(name, table=self.table).drop()


@pytest.fixture(params=WHERE)
def service(request):
    if request.param == "real":
        profile, table = Path(os.environ[PROFILE]), os.environ.get(TABLE)
        assert table, f"{PROFILE} is set: {TABLE} must name a table with ID NUMBER, NOTE VARCHAR(10)"
        with sp.connect(profile) as client:
            service = Service(client, table, is_local=False)
            yield service
            service.drop_channels()
        return
    account = request.getfixturevalue("account")
    account.sql("CREATE TABLE CONTRACT (ID NUMBER, NOTE VARCHAR(10))")
    with sp.connect(account.profile) as client:
        yield Service(client, "DEMO.PUBLIC.CONTRACT", is_local=True)


@pytest.fixture
def finding(request, service):
    """Notes what the service was seen to do where the documents do not say; shown after the tests."""

    def note(text):
        where = "local account" if service.is_local else "real account"
        request.config.stash.setdefault(_FINDINGS, []).append(f"{where}: {text}")

    return note


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(_FINDINGS, []):
        terminalreporter.write_line(f"seen, {line}")
