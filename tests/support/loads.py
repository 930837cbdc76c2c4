"""Small frames, their tables, and what tests check of them."""

import pandas as pd

from snowpipe_pandas.rest.policy import PollPolicy
from snowpipe_pandas.streaming.options import LoadLimits

SMALL = LoadLimits(
    max_raw_bytes=1000,
    max_wire_bytes=4000,
    first_raw_bytes=1000,
    status_interval_s=0.1,
    audit_grace_s=0.3,
    settle_timeout_s=3.0,
    owner_watch_s=0.6,
)
QUICK_POLLING = PollPolicy(first_s=0.02, missing_grace_s=0.5)
"""Payloads of 1,000 bytes, so that small frames need many requests, and waits in proportion: a commit takes
0.05 s here, not 10."""

TABLE = "DEMO.PUBLIC.NUMBERS"


def numbers(rows, *, start=0):
    """A frame whose rows are known by ID; TEXT compresses so badly that there are several requests."""
    ids = range(start, start + rows)
    return pd.DataFrame({"ID": list(ids), "TEXT": [f"row {i}" for i in ids]})


def make_table(account):
    account.sql(numbers(1).snowpipe.ddl(TABLE))


def open_channel(client, name="test"):
    return client.open_channel(name, table=TABLE)


def ids(account):
    """The IDs in the table, in the order in which they were committed."""
    return account.sql(f"SELECT ID FROM {TABLE}")["ID"].tolist()


def operations(account, kind):
    """Recorded requests of a kind: "rows" appends, "open" opens."""
    if kind == "rows":
        return [r for r in account.requests if r.path.endswith("/rows")]
    return [r for r in account.requests if r.method == "PUT"]
