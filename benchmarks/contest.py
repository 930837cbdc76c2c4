"""One frame, all contestants, alternating rounds: `python -m benchmarks.contest FRAME THREADS ROUNDS`.

Prints JSON. A process of its own, since polars takes its number of threads once, from the environment.
"""

import atexit
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import pandas as pd
import pyarrow as pa

from benchmarks.frames import FRAMES
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.encode.parallel import encode_ordered
from snowpipe_pandas.rows.sources.source import open_source

SLOW_ROWS = 50_000
"""Rows for contestants that go row by row: their speed does not depend on the number."""


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def ours(table: object, threads: int) -> int:
    """Render the whole source as `stream()` does, without compression; return the bytes."""
    encoded = encode_ordered(open_source(table), Encoder().encode, workers=threads)
    return sum(len(rows.data) for rows in encoded)


def contestants(table: pa.Table, frame: pd.DataFrame, threads: int) -> dict[str, Callable[[], int]]:
    """Everybody starts from the form that is native to them, and returns the bytes written."""
    import polars as pl

    frame_of_polars = pl.from_arrow(table)
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.register("rows_", table)
    connection.execute("CREATE TABLE native AS SELECT * FROM rows_")
    few = frame.head(SLOW_ROWS)
    scratch = str(Path(tempfile.gettempdir(), f"snowpipe-bench-{os.getpid()}.json"))
    atexit.register(lambda: Path(scratch).unlink(missing_ok=True))

    def polars() -> int:
        sink = io.BytesIO()
        frame_of_polars.write_ndjson(sink)
        return sink.tell()

    def duckdb_copy() -> int:
        connection.execute(f"COPY native TO '{scratch}' (FORMAT json)")
        return os.path.getsize(scratch)

    def to_dict() -> int:
        # The official SDK refuses pandas' timestamps, so a user makes text of them first.
        texts = {name: few[name].astype(str) for name in few.select_dtypes(["datetime", "datetimetz"])}
        rows = few.assign(**texts).to_dict("records")
        return len(msgspec.json.encode(rows, enc_hook=_plain))

    def to_json() -> int:
        return len(few.to_json(orient="records", lines=True).encode())

    return {
        "ours": lambda: ours(table, threads),
        "polars write_ndjson": polars,
        "duckdb COPY": duckdb_copy,
        # These two know one thread only, whatever we have.
        "to_dict + msgspec": to_dict,
        "DataFrame.to_json": to_json,
        "ours from pandas": lambda: ours(few, threads),
    }


def run(name: str, threads: int, rounds: int) -> dict[str, object]:
    """Measure one frame; return rows per second and bytes per row of each contestant."""
    table = FRAMES[name][1]()
    frame = table.to_pandas()
    everybody = contestants(table, frame, threads)
    seconds: dict[str, list[float]] = {who: [] for who in everybody}
    sizes: dict[str, int] = {}
    for _ in range(rounds + 1):  # the first round warms up
        for who, work in everybody.items():
            started = time.perf_counter()
            sizes[who] = work()
            seconds[who].append(time.perf_counter() - started)
    medians = {who: statistics.median(taken[1:]) for who, taken in seconds.items()}
    rows = {who: len(frame.head(SLOW_ROWS)) if who in SLOW else table.num_rows for who in everybody}
    return {
        "frame": name,
        "threads": threads,
        "rounds": rounds,
        "rows_per_s": {who: rows[who] / medians[who] for who in everybody},
        "bytes_per_row": {who: sizes[who] / rows[who] for who in everybody},
    }


SLOW = {"to_dict + msgspec", "DataFrame.to_json", "ours from pandas"}

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = sys.argv[2]
    json.dump(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
