"""What the local account costs over its parts: `python -m benchmarks.commit_path --rounds 5`. Prints JSON.

Ready-made zstd payloads of mixed rows (whole numbers, floats, text, booleans, dates, timestamps, some nulls)
are sent by a bare `requests.Session` and committed. The floor has no HTTP, no checks and no channel: it
decompresses the same bodies, reads each with DuckDB straight into the table's types, and inserts it, in this
process and with as many threads. DuckDB has two ways to read, lines in memory and a file (here in memory
too): both are measured, and the faster one is the floor.

Processor time is measured beside it, of client and server together: other work on the machine changes it
less.

The same rows are sent again with one bad value in each payload, and with a bad value in each tenth row.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

import snowpipe_pandas as sp
from benchmarks.bare import BareChannel
from benchmarks.loads import drained
from snowpipe_pandas.embedded.protocol.auth import Identity

COLUMNS = {
    "ID": ("NUMBER(38,0)", "DECIMAL(38,0)"),
    "QUANTITY": ("NUMBER(10,0)", "DECIMAL(10,0)"),
    "PRICE": ("FLOAT", "DOUBLE"),
    "RATIO": ("FLOAT", "DOUBLE"),
    "NAME": ("VARCHAR", "VARCHAR"),
    "PAID": ("BOOLEAN", "BOOLEAN"),
    "DAY": ("DATE", "DATE"),
    "SEEN": ("TIMESTAMP_NTZ(9)", "TIMESTAMP_NS"),
}
"""Columns with Snowflake's types, and DuckDB's which store them."""

BATCH_ROWS = 16_384
"""Rows in which lines are handed to DuckDB: one batch would be read by one thread."""


def mixed_rows(rows: int) -> pd.DataFrame:
    """A frame of eight usual columns; three of them have a null in each twentieth row."""
    rng = np.random.default_rng(0)
    names = np.array([f"name {number} of many" for number in range(1000)])
    days = np.datetime64("2020-01-01") + rng.integers(0, 2000, rows)
    frame = pd.DataFrame(
        {
            "ID": np.arange(rows),
            "QUANTITY": rng.integers(0, 1000, rows),
            "PRICE": rng.random(rows) * 100,
            "RATIO": rng.normal(size=rows),
            "NAME": names[rng.integers(0, len(names), rows)],
            "PAID": rng.random(rows) < 0.5,
            "DAY": pd.Series(days).dt.date,
            "SEEN": np.datetime64("2020-01-01T00:00:00.000000")
            + rng.integers(0, 2**47, rows).astype("timedelta64[us]"),
        }
    )
    for name in ("RATIO", "NAME", "DAY"):
        frame[name] = frame[name].where(rng.random(rows) > 0.05)
    return frame


def decompressed(body: bytes) -> bytes:
    """Return a body's NDJSON."""
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        return bytes(stream.read())


def spoiled(body: bytes, every: int | None) -> bytes:
    """Return a body in which the ID of each n-th row, or of the first one only, is not a number."""
    lines = decompressed(body).split(b"\n")
    for number in range(0, len(lines) - 1, every or len(lines)):
        head, comma, rest = lines[number].partition(b",")
        lines[number] = head.replace(b":", b':"x') + b'"' + comma + rest
    return bytes(pa.compress(b"\n".join(lines), "zstd", asbytes=True))


class Floor:
    """A DuckDB in memory that takes the same bodies without any check."""

    def __init__(self, folder: str) -> None:
        self._duckdb = duckdb.connect()
        self._duckdb.execute("SET TimeZone = 'UTC'")
        self._types = {name: stored for name, (_, stored) in COLUMNS.items()}
        self._file = Path(folder) / "rows.ndjson"
        self.empty()

    def from_lines(self, bodies: list[bytes]) -> None:
        """Read lines in memory, each body in a transaction of its own."""
        for body in bodies:
            ndjson = decompressed(body)
            ends = np.flatnonzero(np.frombuffer(ndjson, np.uint8) == ord("\n"))
            offsets = np.concatenate([np.zeros(1, np.int64), ends + 1])
            lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(ndjson))
            batches = pa.table({"line": lines}).to_batches(max_chunksize=BATCH_ROWS)
            self._duckdb.register("lines", pa.Table.from_batches(batches))
            shape = json.dumps(self._types)
            self._duckdb.execute(
                f"INSERT INTO T SELECT unnest(json_transform(line, '{shape}')) FROM lines"
            ).fetchall()
            self._duckdb.unregister("lines")

    def from_file(self, bodies: list[bytes]) -> None:
        """Read a file of NDJSON, each body in a transaction of its own."""
        types = ", ".join(f"{name}: '{kind}'" for name, kind in self._types.items())
        for body in bodies:
            self._file.write_bytes(decompressed(body))
            self._duckdb.execute(
                f"INSERT INTO T SELECT * FROM read_ndjson('{self._file}', columns = {{{types}}})"
            ).fetchall()

    def empty(self) -> None:
        """Make the table again."""
        declared = ", ".join(f"{name} {kind}" for name, kind in self._types.items())
        self._duckdb.execute(f"CREATE OR REPLACE TABLE T ({declared})")


def measure(rows: int, rounds: int) -> dict[str, float]:
    """Time all ways in turn; medians, and ratios of them. The first round warms up."""
    bodies = [bytes(payload.body) for payload in drained(mixed_rows(rows), keep=True)]
    one_bad = [spoiled(body, None) for body in bodies]
    tenth_bad = [spoiled(body, 10) for body in bodies]
    taken: dict[str, list[float]] = {}
    memory = Path("/dev/shm")
    with (
        sp.local(commit_lag_s=0.0) as local,
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
    ):
        declared = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
        local.sql(f"CREATE TABLE T ({declared})")
        token = local.door.issue_scoped(Identity("LOCAL", "DEMO_USER"), urlsplit(local.url).hostname or "")
        account, floor = BareChannel(local.url, token, "T"), Floor(folder)
        works: dict[str, Callable[[], object]] = {
            "lines": lambda: floor.from_lines(bodies),
            "file": lambda: floor.from_file(bodies),
            "committed": lambda: account.commit(bodies),
            "one_bad": lambda: account.commit(one_bad),
            "tenth_bad": lambda: account.commit(tenth_bad),
        }
        assert account.commit(bodies) == rows
        assert account.commit(one_bad) == rows - len(bodies)
        for _ in range(rounds):
            for name, work in works.items():
                local.sql("TRUNCATE TABLE T")
                floor.empty()
                started, processor = time.perf_counter(), time.process_time()
                work()
                taken.setdefault(f"{name}_s", []).append(time.perf_counter() - started)
                taken.setdefault(f"{name}_cpu_s", []).append(time.process_time() - processor)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    fastest = "lines" if medians["lines_s"] < medians["file_s"] else "file"
    return medians | {
        "raw_mb": sum(len(decompressed(body)) for body in bodies) / 1e6,
        "of_the_floor": medians[f"{fastest}_s"] / medians["committed_s"],
        "cpu_of_the_floor": medians[f"{fastest}_cpu_s"] / medians["committed_cpu_s"],
        "one_bad_costs": medians["one_bad_s"] / medians["committed_s"],
        "tenth_bad_costs": medians["tenth_bad_s"] / medians["committed_s"],
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    json.dump(measure(wanted.rows, wanted.rounds), sys.stdout, indent=1)
