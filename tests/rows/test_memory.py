"""Rows that are more than memory: what was read is released."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 20_000
ROW_BYTES = 1_000
CHILD = """
import resource, sys
import pyarrow.dataset as ds
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source

def rows_and_peak(file):
    encoded = map(Encoder().encode, open_source(ds.dataset(file)).batches())
    limits = {"max_raw_bytes": 16_000_000, "max_wire_bytes": 4_000_000, "first_raw_bytes": 1_000_000}
    rows = sum(payload.rows for payload in pack(encoded, **limits))
    unit = 1 if sys.platform == "darwin" else 1024
    return rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

print(*rows_and_peak(sys.argv[1]), *rows_and_peak(sys.argv[2]))
"""


def write(file, groups):
    text = pa.array(["some text of the usual kind, ".ljust(ROW_BYTES - 8, "x")] * GROUP_ROWS)
    schema = pa.schema([("ID", pa.int64()), ("TEXT", pa.string())])
    with pq.ParquetWriter(file, schema, use_dictionary=False, compression="none") as writer:
        for group in range(groups):
            ids = np.arange(group * GROUP_ROWS, (group + 1) * GROUP_ROWS)
            writer.write_table(pa.table([pa.array(ids), text], schema=schema))


def test_a_parquet_file_of_any_size_takes_the_same_memory(tmp_path):
    """`make bench` does the same with four gigabytes."""
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    write(small, 12)
    write(large, 36)
    command = [sys.executable, "-c", CHILD, str(small), str(large)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True)
    rows, peak, more_rows, higher_peak = map(int, done.stdout.split())
    assert (rows, more_rows) == (12 * GROUP_ROWS, 36 * GROUP_ROWS)
    assert higher_peak - peak < (more_rows - rows) * ROW_BYTES / 4
