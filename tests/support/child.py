"""A load in a process of its own, to be killed: `python -m tests.support.child PROFILE CHANNEL ROWS`."""

import sys

import snowpipe_pandas as sp
from tests.support.loads import SMALL, numbers, open_channel


def main(profile, name, rows):
    with sp.connect(profile) as client:
        channel = open_channel(client, name)
        result = numbers(int(rows)).snowpipe.stream(channel, load_id=name, progress=False, limits=SMALL)
    print(result.rows_sent, result.rows_skipped)


if __name__ == "__main__":
    main(*sys.argv[1:])
