"""Peak memory of encoding, over what the source takes itself: `python -m benchmarks.memory frame|parquet`.

`frame` is a frame of one gigabyte, `parquet` a file of four gigabytes that is read as it is sent. Prints
JSON. A process of its own for each, so that the peak is that of this work alone.
"""

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
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.encode.parallel import encode_ordered
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.load import READY_PAYLOADS
from snowpipe_pandas.streaming.pipeline import Prefetch

ROWS, COLUMNS = 6_250_000, 20
FILE_BYTES = 4_000_000_000
GROUP_ROWS = 200_000
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
    encoded = encode_ordered(open_source(source), Encoder().encode, workers=2)
    with Prefetch(pack(encoded), depth=READY_PAYLOADS) as payloads:
        for _ in payloads:
            pass


def of_frame() -> dict[str, int]:
    """A frame of a gigabyte of floats."""
    frame = pd.DataFrame(
        np.random.default_rng(1).normal(size=(ROWS, COLUMNS)), columns=[f"f{i}" for i in range(COLUMNS)]
    )
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
    """Write groups of rows until the file is as large as it shall be; return the number of rows."""
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


if __name__ == "__main__":
    json.dump({"frame": of_frame, "parquet": of_parquet}[sys.argv[1]](), sys.stdout)
