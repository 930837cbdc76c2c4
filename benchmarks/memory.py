"""Peak memory over what the source takes itself: `python -m benchmarks.memory frame|parquet|stream|loads`.

`frame` encodes a frame of one gigabyte, `parquet` a file of four gigabytes that is read as it is sent.
`stream` is a whole `stream()` of 4 million rows of floats against a service that counts and keeps nothing
(`benchmarks/counting.py`, in a process of its own); `loads` are four such loads one after another, of one to
eight million rows with a text. Prints JSON. A process of its own for each, so that the peak is that of this
work alone.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import snowpipe_pandas as sp
from benchmarks.counting import counting_service
from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT, Encoder
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits
from snowpipe_pandas.streaming.pipeline import Payloads
from snowpipe_pandas.streaming.timings import Watches
from snowpipe_pandas.waits import FOR_EVER_S

ROWS, COLUMNS = 6_250_000, 20
FILE_BYTES = 4_000_000_000
GROUP_ROWS = 200_000
ANYBODY = {"account": "ANY", "user": "BODY", "authenticator": "oauth", "token": "any"}
"""The counting service lets everybody in."""

STREAM_ROWS, STREAM_COLUMNS = 4_000_000, 14
LOADS_ROWS, LOADS_COLUMNS = 8_000_000, 11
SAMPLE_INTERVAL_S = 0.005


def peak_over(work: Callable[[], None]) -> int:
    """Run the work; return by how much the resident memory grew at most, in bytes."""
    process = psutil.Process()
    before = process.memory_info().rss
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_INTERVAL_S):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak - before


def encode_and_pack(source: object) -> None:
    """Encode and pack a source as `stream()` does, and drop each payload."""
    ready = Payloads(
        open_source(source),
        Encoder(),
        load_id="",
        skip_rows=0,
        skip_digest="",
        skip_format=ROW_FORMAT,
        limits=LoadLimits(),
        flush_interval_s=1.0,
        workers=2,
        watches=Watches(),
    )
    with ready as payloads:
        while not payloads.ended:
            payloads.take(FOR_EVER_S)


def of_frame() -> dict[str, int]:
    """A frame of a gigabyte of floats."""
    frame = floats(ROWS, COLUMNS)
    return {
        "frame_bytes": int(frame.memory_usage().sum()),
        "extra_bytes": peak_over(lambda: encode_and_pack(frame)),
    }


def of_parquet() -> dict[str, int]:
    """A file of four gigabytes: numbers, and text that neither Parquet nor zstd makes much smaller."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.parquet")
        rows = write_parquet(file)
        size = os.path.getsize(file)
        return {
            "file_bytes": size,
            "rows": rows,
            "extra_bytes": peak_over(lambda: encode_and_pack(ds.dataset(file))),
        }


def write_parquet(file: Path) -> int:
    """Write groups of rows until the file is as large as wanted; return the number of rows."""
    rng = np.random.default_rng(1)
    rows = 0
    writer = None
    while rows == 0 or os.path.getsize(file) < FILE_BYTES:
        digits = rng.integers(ord("a"), ord("z"), (GROUP_ROWS, 160), np.uint8)
        borders = np.arange(0, digits.size + 1, digits.shape[1], dtype=np.int32)
        group = pa.table(
            {
                "id": np.arange(rows, rows + GROUP_ROWS),
                "x": rng.normal(size=GROUP_ROWS),
                "y": rng.normal(size=GROUP_ROWS),
                "text": pa.StringArray.from_buffers(GROUP_ROWS, pa.py_buffer(borders), pa.py_buffer(digits)),
            }
        )
        writer = writer or pq.ParquetWriter(file, group.schema, use_dictionary=False, compression="none")
        writer.write_table(group)
        rows += GROUP_ROWS
    writer.close()
    return rows


def floats(rows: int, columns: int) -> pd.DataFrame:
    """A frame of random floats."""
    return pd.DataFrame(
        np.random.default_rng(1).normal(size=(rows, columns)), columns=[f"f{i}" for i in range(columns)]
    )


def of_stream(lag_s: float) -> dict[str, int]:
    """One `stream()` of a frame of floats."""
    return over_frame(floats(STREAM_ROWS, STREAM_COLUMNS), [STREAM_ROWS], lag_s)


def of_loads(lag_s: float) -> dict[str, int]:
    """Four loads, each twice as long as the one before, of floats and a text."""
    frame = floats(LOADS_ROWS, LOADS_COLUMNS)
    numbers = pa.array(np.random.default_rng(2).integers(0, 10**9, LOADS_ROWS)).cast(pa.string())
    frame["text"] = pc.binary_join_element_wise("customer", numbers, "-").to_pandas()
    del numbers
    pa.default_memory_pool().release_unused()
    return over_frame(frame, [LOADS_ROWS // 8, LOADS_ROWS // 4, LOADS_ROWS // 2, LOADS_ROWS], lag_s)


def over_frame(frame: pd.DataFrame, lengths: list[int], lag_s: float) -> dict[str, int]:
    """Stream the first rows of a frame, once for each length, each load through a channel of its own.

    A few rows are streamed before, so that modules, threads and connections are no part of the numbers.
    """
    with counting_service(lag_s=lag_s) as url, sp.connect(url=url, **ANYBODY) as client:
        stream_head(frame, 1000, client, "warm-up")

        def work() -> None:
            for number, rows in enumerate(lengths):
                stream_head(frame, rows, client, f"load-{number}")

        return {"frame_bytes": int(frame.memory_usage(deep=True).sum()), "extra_bytes": peak_over(work)}


def stream_head(frame: pd.DataFrame, rows: int, client: sp.Client, name: str) -> None:
    """Stream the first rows, and see that the service has counted all of them.

    `frame.head(rows)` is a copy in pandas 3, which would be a second frame in the numbers; this is a view.
    """
    with client.open_channel(name, table="D.S.T") as channel:
        result = frame.iloc[:rows].snowpipe.stream(channel, progress=False)
    assert (result.rows_in_table, result.retries) == (rows, 0)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("what", choices=["frame", "parquet", "stream", "loads"])
    options.add_argument("--lag", type=float, default=0.0, help="seconds until the service commits a row")
    wanted = options.parse_args()
    measured = {
        "frame": of_frame,
        "parquet": of_parquet,
        "stream": lambda: of_stream(wanted.lag),
        "loads": lambda: of_loads(wanted.lag),
    }[wanted.what]()
    json.dump(measured, sys.stdout)
