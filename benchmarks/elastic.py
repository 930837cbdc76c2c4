"""An elastic load over a named channel: `python -m benchmarks.elastic local|bare --rounds 5`. Prints JSON.

The same frame, from its first row read to its last row durable: through one named channel, and through the
elastic channel with one and with four requests in flight. `local` is the local account, which commits at
once; `bare` a service that keeps nothing and answers 50 ms late (`benchmarks/counting.py`).
Requests are kept small enough that the frame needs many.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import snowpipe_pandas as sp
from benchmarks.counting import counting_service
from benchmarks.memory import ANYBODY, floats
from snowpipe_pandas.rest.client import Client
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.elastic_load import IN_FLIGHT, ElasticLoad
from snowpipe_pandas.streaming.options import LoadLimits, LoadOptions

ROWS, COLUMNS = 200_000, 14
LATENCY_S = 0.05
TABLE = "DEMO.PUBLIC.FLOATS"
LIMITS = LoadLimits(max_raw_bytes=2_000_000)


@contextmanager
def local() -> Iterator[Client]:
    """A client of a local account that commits at once and has the table."""
    with sp.local(commit_lag_s=0.0) as account, sp.connect(account.profile) as client:
        account.sql(floats(1, COLUMNS).snowpipe.ddl(TABLE))
        yield client


@contextmanager
def bare() -> Iterator[Client]:
    """A client of a service that does nothing but answer late."""
    with counting_service(latency_s=LATENCY_S) as url, sp.connect(url=url, **ANYBODY) as client:
        yield client


def measure(client: Client, rounds: int) -> dict[str, float]:
    """Medians of alternating rounds, and how many times faster the elastic load is."""
    frame = floats(ROWS, COLUMNS)
    target = client.table(TABLE)
    channel = client.open_channel("named", table=TABLE)

    def elastic(in_flight: int) -> None:
        options = LoadOptions(wait=False, limits=LIMITS)
        rows = open_source(frame)
        ElasticLoad(rows, Encoder(), target.elastic(), options, in_flight=in_flight).run()

    works = {
        "named_s": lambda: frame.snowpipe.stream(channel, limits=LIMITS, progress=False),
        "elastic_1_s": lambda: elastic(1),
        "elastic_s": lambda: elastic(IN_FLIGHT),
    }
    medians = alternating(works, rounds)
    return medians | {"ratio": medians["named_s"] / medians["elastic_s"]}


def alternating(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Measure works in turn; return the median seconds of each. The first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(all_rounds[1:]) for name, all_rounds in taken.items()}


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("where", choices=["local", "bare"])
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    with {"local": local, "bare": bare}[wanted.where]() as client:
        json.dump(measure(client, wanted.rounds), sys.stdout)
