"""A driver of its own, to be killed: `python -m tests.support.dask_driver SCHEDULER PROFILE ROWS`."""

import sys

import dask.dataframe as dd
from distributed import Client

import snowpipe_pandas.dask  # noqa: F401
from tests.support.loads import SMALL, TABLE, numbers


def main(scheduler, profile, rows):
    with Client(scheduler) as client:
        ddf = dd.from_pandas(numbers(int(rows)), npartitions=8, sort=False)
        ddf.snowpipe.stream(
            TABLE, load_id="load", profile=profile, client=client, limits=SMALL, progress=False
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
