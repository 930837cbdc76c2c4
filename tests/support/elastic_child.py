"""An elastic load in a process of its own: `python -m tests.support.elastic_child PROFILE ROWS`."""

import sys

import snowpipe_pandas as sp
from tests.support.elastic import elastic, load_of
from tests.support.loads import numbers


def main(profile, rows):
    with sp.connect(profile) as client:
        load_of(elastic(client), numbers(int(rows)), wait=False).run()
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
