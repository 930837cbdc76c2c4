"""Sends columns to columns of every type and reports, per column, what the local account rejected.

Each row of what is sent holds one cell of one column, and no key of the others: so every cell is judged by
itself, and one load reports on hundreds of them.
"""

import itertools
import json
from collections import Counter

import pyarrow as pa

import snowpipe_pandas as sp
from snowpipe_pandas.rows.schema_check import find_problems
from snowpipe_pandas.rows.sources.source import open_source

_tables = itertools.count()


def apart(columns):
    """A table with each column's cells in rows of their own."""
    rows = sum(map(len, columns.values()))
    fields, arrays, before = [], [], 0
    for name, (array, metadata) in ((n, with_metadata(c)) for n, c in columns.items()):
        parts = [pa.nulls(before, array.type), array, pa.nulls(rows - before - len(array), array.type)]
        arrays.append(pa.concat_arrays(parts))
        fields.append(pa.field(name, array.type, metadata=metadata))
        before += len(array)
    return pa.table(arrays, schema=pa.schema(fields))


class Json(list):
    """JSON texts of a column of dicts and lists."""


def with_metadata(column):
    if isinstance(column, Json):
        return pa.array(list(column), pa.string()), {b"snowpipe": b"json"}
    return column, None


def rejected_by_account(account, client, sent, types):
    """Stream a table to a new one of these column types; return the number of rejected cells by column."""
    name = f"AGREE{next(_tables)}"
    declared = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
    account.sql(f"CREATE TABLE {name} ({declared}) ERROR_LOGGING = TRUE")
    channel = client.open_channel(name, table=f"DEMO.PUBLIC.{name}")
    result = sp.stream(sent, channel, nulls="omit", progress=False, on_error="report")
    assert result.rows == sent.num_rows
    found = account.sql(f"SELECT ERROR_DATA FROM ERROR_TABLE({name})")["ERROR_DATA"]
    return Counter(key for row in found for key in json.loads(json.loads(row)["$1"])), channel


def refused_by_check(sent, channel):
    """What `check` finds in it: the number of cells by column."""
    source = open_source(sent)
    problems = find_problems(source.schema, channel.target_columns, source.batches(), nulls="omit")
    return Counter({p.column: cells_of(p) for p in problems})


def cells_of(problem):
    """The number of bad cells in a message: `3 of 4 texts`."""
    words = problem.message.split()
    return int(words[words.index("of") - 1])


def disagreements(account, client, pairs):
    """Send each pair of cells and type as a column of its own; return those that are judged differently."""
    columns = {f"C{number}": cells for number, (cells, _) in enumerate(pairs)}
    types = {f"C{number}": kind for number, (_, kind) in enumerate(pairs)}
    sent = apart(columns)
    by_account, channel = rejected_by_account(account, client, sent, types)
    by_check = refused_by_check(sent, channel)
    return {
        (types[name], str(with_metadata(columns[name])[0])): (by_check[name], by_account[name])
        for name in types
        if by_check[name] != by_account[name]
    }
