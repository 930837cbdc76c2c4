"""What the account reports is what is on disk, whichever COMMIT fails, and whatever fails it."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.embedded.internal import HIDDEN
from snowpipe_pandas.embedded.store import Store

TABLE = "DEMO.PUBLIC.T"
NO_SPACE = "Failed to commit: No space left on device"
COMMITS = 9
"""As many as the story below makes, and more."""


@contextmanager
def failing_commit(monkeypatch, number):
    """Let transaction `number` fail once at its end, as on a full disk, with all that it would have kept."""
    seen = []
    whole = Store.transaction

    @contextmanager
    def transaction(self, cursor):
        with whole(self, cursor):
            yield
            seen.append(1)
            if len(seen) == number:
                raise duckdb.TransactionException(NO_SPACE)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "transaction", transaction)
        yield seen


def reported_and_kept(account, client):
    """What a status reports of the channel, and what its row and the table hold."""
    status = client.channel_statuses(["c"], table=TABLE).get("c")
    with account._store.cursor() as cursor:
        found = cursor.sql(
            "SELECT committed_token, rows_inserted, rows_errors "
            f"FROM \"{HIDDEN}\".channels WHERE channel = 'c'"
        ).df()
    reported = None
    if status is not None:
        reported = [status.last_committed_offset_token, status.rows_inserted, status.rows_error_count]
    kept = [None if pd.isna(value) else value for value in found.values.tolist()[0]] if len(found) else None
    return reported, kept


def story(client):
    """Open, load, load with a bad row, open with a token, drop: each is a step that may fail."""
    frame = pd.DataFrame({"ID": range(10)})
    bad = pd.DataFrame({"ID": [1, None, 3]})
    channel = client.open_channel("c", table=TABLE)
    yield
    frame.snowpipe.stream(channel, load_id="one", progress=False)
    yield
    bad.snowpipe.stream(channel, load_id="two", after="one", on_error="report", progress=False)
    yield
    channel.reopen(offset_token="token")
    yield
    channel.drop()
    yield


@pytest.mark.parametrize("number", range(1, COMMITS + 1))
def test_memory_is_the_disk_whichever_commit_fails(monkeypatch, number):
    with sp.local(commit_lag_s=0.0) as account:
        account.sql("CREATE TABLE T (ID NUMBER NOT NULL)")
        with (
            sp.connect(account.profile, retry=sp.RetryPolicy(budget_s=0)) as client,
            failing_commit(monkeypatch, number) as seen,
        ):
            steps = story(client)
            going = True
            while going:
                try:
                    going = next(steps, "over") != "over"
                except sp.SnowpipeError as error:
                    assert NO_SPACE in str(error)  # noqa: PT017  # whichever step it is
                    going = False
                reported, kept = reported_and_kept(account, client)
                assert reported == kept
                if kept is not None and kept[0] != "token":
                    rows = int(account.sql("SELECT COUNT(*) AS N FROM T")["N"][0])
                    assert rows == kept[1]
    assert len(seen) < COMMITS  # so that every COMMIT has been the one that fails


def test_a_load_goes_on_after_a_commit_that_failed_once(monkeypatch):
    with sp.local(commit_lag_s=0.0) as account, sp.connect(account.profile) as client:
        account.sql("CREATE TABLE T (ID NUMBER)")
        channel = client.open_channel("c", table=TABLE)
        with failing_commit(monkeypatch, 1):
            result = pd.DataFrame({"ID": range(100)}).snowpipe.stream(channel, load_id="a", progress=False)
        assert (result.rows_in_table, result.requests) == (100, 2)
        assert account.sql("SELECT COUNT(*) AS N, COUNT(DISTINCT ID) AS D FROM T").values.tolist() == [
            [100, 100]
        ]


CHILD = """
import json, resource, sys
import numpy as np, pandas as pd
import snowpipe_pandas as sp

rng = np.random.default_rng(0)
frame = pd.DataFrame({"ID": range(90_000), "S": [rng.bytes(60).hex() for _ in range(90_000)]})
found = {}

def counts(account):
    return account.sql("SELECT COUNT(*) AS N, COUNT(DISTINCT ID) AS D FROM T").values.tolist()[0]

def load(client):
    channel = client.open_channel("c", table="DEMO.PUBLIC.T")
    return sp.stream(frame, channel, load_id="a", progress=False, commit_timeout_s=20)

with sp.local(sys.argv[1], commit_lag_s=0.0) as account:
    account.sql("CREATE TABLE T (ID NUMBER, S VARCHAR)")
    with sp.connect(account.profile, retry=sp.RetryPolicy(budget_s=1)) as client:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, resource.RLIM_INFINITY))
        try:
            load(client)
        except sp.SnowpipeError as error:
            found["error"] = str(error)
        status = client.channel_statuses(["c"], table="DEMO.PUBLIC.T")["c"]
        found["reported"] = [status.last_committed_offset_token, status.rows_inserted]
        found["rows"] = counts(account)[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with sp.local(sys.argv[1], commit_lag_s=0.0) as account:
    found["after a restart"] = counts(account)[0]
    with sp.connect(account.profile) as client:
        found["sent"] = load(client).rows
    found["at the end"] = counts(account)
print(json.dumps(found))
"""


def test_a_disk_that_is_full_is_reported_and_the_same_call_goes_on_when_there_is_room(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(tmp_path / "account.duckdb")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert "File too large" in found["error"]
    token, inserted = found["reported"]
    assert inserted == found["rows"]
    assert token is None or int(token.split(":")[1]) == inserted
    assert found["after a restart"] == found["rows"] < 90_000
    assert found["sent"] == 90_000 - found["rows"]
    assert found["at the end"] == [90_000, 90_000]
