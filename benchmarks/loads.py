"""What a load of one row costs: `python -m benchmarks.loads --rounds 7`. Prints JSON.

`stream()` with `wait=False` over a bare request of the same bytes; the bar is 2.0. Both take turns, row by
row, so that what else runs on the machine slows both. Metrics that happen to be installed count nothing here.
The service counts and keeps nothing (`benchmarks/counting.py`, in a process of its own). Longer loads are in
`benchmarks.pipeline`.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import pandas as pd
import requests

import snowpipe_pandas as sp
from benchmarks.counting import counting_service
from benchmarks.memory import ANYBODY
from snowpipe_pandas import metrics
from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT, Encoder
from snowpipe_pandas.rows.payloads import Payload
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits
from snowpipe_pandas.streaming.pipeline import Payloads
from snowpipe_pandas.streaming.timings import Watches
from snowpipe_pandas.waits import FOR_EVER_S

REQUESTS = 200
"""Pairs of one round: each takes some milliseconds."""

WARM_UP = 100


def drained(frame: pd.DataFrame, *, keep: bool) -> list[Payload]:
    """Encode and pack a frame without sending it; return the payloads, or none."""
    kept = []
    ready = Payloads(
        open_source(frame),
        Encoder(),
        load_id="alone",
        skip_rows=0,
        skip_digest="",
        skip_format=ROW_FORMAT,
        limits=LoadLimits(),
        flush_interval_s=1.0,
        workers=2,
        watches=Watches(),
    )
    with ready:
        while not ready.ended:
            payload = ready.take(FOR_EVER_S)
            if payload is not None and keep:
                kept.append(payload)
    return kept


def send_bare(session: requests.Session, url: str, payloads: list[Payload]) -> None:
    """Post bodies as plainly as a library can, to a channel that nobody else has."""
    for payload in payloads:
        token = f"bare:{payload.end_row}:{payload.digest}"
        answer = session.post(
            f"{url}/v2/streaming/databases/D/schemas/S/pipes/T/channels/bare/rows",
            params={"endOffsetToken": token},
            data=bytes(payload.body),
        )
        answer.raise_for_status()


def row(rounds: int) -> dict[str, float]:
    """A load of one row over a bare request of its bytes: medians; `cpu` is the time of this thread alone."""
    frame = pd.DataFrame({"ID": [1], "NAME": ["a name"], "VALUE": [0.5]})
    payloads = drained(frame, keep=True)
    metrics.set_listeners([])
    with (
        counting_service() as url,
        requests.Session() as session,
        sp.connect(url=url, **ANYBODY) as client,
        client.open_channel("row", table="D.S.T") as channel,
    ):
        works = {
            "bare": lambda: send_bare(session, url, payloads),
            "load": lambda: frame.head(1).snowpipe.stream(channel, wait=False, progress=False),
        }
        found = in_turn(works, REQUESTS * rounds)
    return found | {
        "ratio": found["load_s"] / found["bare_s"],
        "cpu_ratio": found["load_cpu_s"] / found["bare_cpu_s"],
    }


def in_turn(works: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Do works in turn, and return the median of the seconds of each; the first ones warm up."""
    taken: dict[str, list[float]] = {f"{name}_{kind}": [] for name in works for kind in ("s", "cpu_s")}
    for _ in range(WARM_UP + times):
        for name, work in works.items():
            began, began_cpu = time.perf_counter(), time.thread_time()
            work()
            taken[f"{name}_cpu_s"].append(time.thread_time() - began_cpu)
            taken[f"{name}_s"].append(time.perf_counter() - began)
    return {name: statistics.median(each[WARM_UP:]) for name, each in taken.items()}


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    json.dump(row(options.parse_args().rounds), sys.stdout)
