"""A load in a process of its own, to be killed: `python -m tests.support.child PROFILE NAME ROWS CHANNELS`.

With 0 channels it goes through an open one, else into the table, through as many.
"""

import sys

import snowpipe_pandas as sp
from tests.support.loads import SMALL, TABLE, numbers, open_channel


def main(profile, name, rows, channels):
    with sp.connect(profile) as client:
        options = {"load_id": name, "progress": False, "limits": SMALL}
        if int(channels):
            options["channels"] = int(channels)
        target = client.table(TABLE) if int(channels) else open_channel(client, name)
        result = numbers(int(rows)).snowpipe.stream(target, **options)
    print(result.rows_sent, result.rows_skipped)


if __name__ == "__main__":
    main(*sys.argv[1:])
