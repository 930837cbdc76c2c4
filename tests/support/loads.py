"""Small frames, their tables, and what a test asks of them."""

import pandas as pd

TABLE = "DEMO.PUBLIC.NUMBERS"


def numbers(rows, *, start=0):
    """A frame whose rows are known by ID; TEXT makes requests compress badly enough to be several."""
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
