"""What the tests of the official SDK need: tables, its clients, and a way to hear what it refuses."""

import itertools
import json

import pytest
from snowflake.ingest.streaming import StreamingIngestClient, StreamingIngestError

PATIENCE_S = 20


class Official:
    """The SDK at one local account."""

    def __init__(self, account):
        self.account = account
        self.profile = json.loads(account.profile.read_text())
        with open(self.profile["private_key_file"]) as file:
            self.pem = file.read()
        self.who = {"account": self.profile["account"], "user": self.profile["user"]}
        self.url = self.who | {"url": self.profile["url"]}
        self.good = self.url | {"private_key": self.pem}
        self._numbers = itertools.count()
        self._clients = []

    def table(self, columns="I NUMBER, S VARCHAR"):
        name = f"T{next(self._numbers)}"
        self.account.sql(f"CREATE TABLE {name} ({columns}) ERROR_LOGGING = TRUE")
        return name

    def pipe_client(self, pipe, properties=None):
        client = StreamingIngestClient(
            f"client{next(self._numbers)}", "DEMO", "PUBLIC", pipe, properties=properties or self.good
        )
        self._clients.append(client)
        return client

    def client(self, table, **properties):
        return self.pipe_client(f"{table}-STREAMING", self.good | properties)

    def channel(self, table, name="c", **properties):
        channel, _ = self.client(table, **properties).open_channel(name)
        return channel

    def close(self):
        for client in self._clients:
            client.close(wait_for_flush=False)
        self._clients.clear()

    def column(self, table, what="I"):
        return self.account.sql(f"SELECT {what} AS X FROM {table} ORDER BY 1")["X"].tolist()

    def requests(self, operation):
        return [request for request in self.account.requests if request.operation == operation]


def put(channel, rows, start, end=None):
    """Append and wait until the service has the rows."""
    channel.append_rows(rows, start, end or start)
    channel.wait_for_flush(PATIENCE_S)


def committed(channel, token):
    channel.wait_for_commit(lambda found: found == token, PATIENCE_S)


def load(channel, rows, token):
    """Append and wait until the rows are in the table."""
    put(channel, rows, token)
    committed(channel, token)


def refused(call, code=None):
    """Return the SDK's error."""
    with pytest.raises(StreamingIngestError) as caught:
        call()
    assert code is None or caught.value.error_code.value == code
    return str(caught.value)
