"""Peak memory of encoding a frame of one gigabyte, over the frame itself: `python -m benchmarks.memory`.

Prints JSON. A process of its own, so that the peak is that of this work alone.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import psutil

from snowpipe_pandas.rows.ndjson import Encoder
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.source import open_source
from snowpipe_pandas.streaming.pipeline import Prefetch, map_ordered
from snowpipe_pandas.streaming.stream import READY_PAYLOADS

ROWS, COLUMNS = 6_250_000, 20
SAMPLE_INTERVAL_S = 0.005


def peak_over(work: object) -> int:
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


def main() -> None:
    """Encode and pack the frame as `stream()` does, and drop each payload."""
    frame = pd.DataFrame(
        np.random.default_rng(1).normal(size=(ROWS, COLUMNS)), columns=[f"f{i}" for i in range(COLUMNS)]
    )
    encoder = Encoder()

    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            encoded = map_ordered(pool, encoder.encode, open_source(frame).batches(), ahead=3)
            with Prefetch(pack(encoded), depth=READY_PAYLOADS) as payloads:
                for _ in payloads:
                    pass

    frame_bytes = int(frame.memory_usage().sum())
    json.dump({"frame_bytes": frame_bytes, "extra_bytes": peak_over(work)}, sys.stdout)


if __name__ == "__main__":
    main()
