"""What a load of one row costs: `python -m benchmarks.loads --rounds 7`. Prints JSON.

`stream()` with `wait=False` over a bare request of the same bytes; the bar is 2.0. The service counts and
keeps nothing (`benchmarks/counting.py`, in a process of its own). Longer loads are in `benchmarks.pipeline`.
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
from snowpipe_pandas.rows.encode.encoder import ROW_FORMAT, Encoder
from snowpipe_pandas.rows.payloads import Payload
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits
from snowpipe_pandas.streaming.pipeline import Payloads
from snowpipe_pandas.streaming.timings import Watches
from snowpipe_pandas.waits import FOR_EVER_S

REQUESTS = 200
"""Requests of one round: each takes a millisecond or less."""


def drained(frame: pd.DataFrame, *, keep: bool) -> list[Payload]:
    """Encode and pack a frame with nobody to send it; return the payloads, or none."""
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


def seconds(work: Callable[[], object], times: int) -> float:
    """Return how long the work takes, in seconds, at one time."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times


def row(rounds: int) -> dict[str, float]:
    """A load of one row over a bare request of its bytes; medians of alternating rounds."""
    frame = pd.DataFrame({"ID": [1], "NAME": ["a name"], "VALUE": [0.5]})
    payloads = drained(frame, keep=True)
    with (
        counting_service() as url,
        requests.Session() as session,
        sp.connect(url=url, **ANYBODY) as client,
        client.open_channel("row", table="D.S.T") as channel,
    ):
        works = {
            "bare_s": lambda: send_bare(session, url, payloads),
            "load_s": lambda: frame.snowpipe.stream(channel, wait=False, progress=False),
        }
        medians = alternating(works, rounds, times=REQUESTS)
    return medians | {"ratio": medians["load_s"] / medians["bare_s"]}


def alternating(works: dict[str, Callable[[], object]], rounds: int, times: int) -> dict[str, float]:
    """Measure works in turn; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            taken[name].append(seconds(work, times))
    return {name: statistics.median(all_rounds[1:]) for name, all_rounds in taken.items()}


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    json.dump(row(options.parse_args().rounds), sys.stdout)
