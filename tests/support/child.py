"""A load in a process of its own, to be killed: `python -m tests.support.child PROFILE CHANNEL ROWS`."""

import sys
from functools import partial

import snowpipe_pandas as sp
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.streaming import load
from tests.support.loads import numbers, open_channel


def main(profile, name, rows):
    load.pack = partial(pack, max_raw_bytes=1000, max_wire_bytes=4000)
    with sp.connect(profile) as client:
        result = numbers(int(rows)).snowpipe.stream(open_channel(client, name), load_id=name, progress=False)
    print(result.rows, result.rows_skipped)


if __name__ == "__main__":
    main(*sys.argv[1:])
