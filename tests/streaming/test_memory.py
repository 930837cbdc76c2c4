"""What a load holds: payloads within the bound, in pages of their own, and nothing once it is over."""

import gc
import json
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import snowpipe_pandas as sp
from snowpipe_pandas.events import RowsAcknowledged, RowsCommitted
from snowpipe_pandas.rows import payloads as payloads_module
from tests.support.loads import SMALL, ids, numbers

BOUND = 5_000
CHILD = """
import gc, json
import numpy as np, pandas as pd
import snowpipe_pandas as sp
from benchmarks.counting import counting_service
from benchmarks.memory import ANYBODY, peak_over, stream_head

gc.disable()  # memory must be free without it
frame = pd.DataFrame(np.random.default_rng(1).normal(size=(100_000, 14)))
frame.columns = [f"f{i}" for i in range(14)]
with counting_service() as url, sp.connect(url=url, **ANYBODY) as client:
    stream_head(frame, 1000, client, "warm-up")
    more = peak_over(lambda: [stream_head(frame, 100_000, client, f"load-{n}") for n in range(8)])
print(json.dumps(more))
"""


def test_what_is_held_stays_within_the_bound(account, channel):
    account.channels.commit_lag_s = 0.3
    waiting, most = {}, []

    def watch(event):
        if isinstance(event, RowsAcknowledged):
            waiting[event.end_row] = event.sent_bytes
            most.append(sum(waiting.values()))
        if isinstance(event, RowsCommitted):
            for end in [end for end in waiting if end <= event.end_row]:
                del waiting[end]

    options = {"limits": SMALL, "progress": watch, "max_in_flight_bytes": BOUND}
    numbers(2_000).snowpipe.stream(channel, **options)
    assert len(most) > 20
    assert BOUND / 2 < max(most) <= BOUND
    assert ids(account) == list(range(2_000))


def test_statuses_are_asked_for_sooner_where_much_is_held(account, channel):
    """The load is over before the interval has passed: only what is held can have made it ask again."""

    def slowly():
        for start in range(0, 1_000, 100):
            yield numbers(100, start=start)
            time.sleep(0.15)

    limits = replace(SMALL, status_interval_s=3.0)
    sp.stream(
        slowly(), channel, limits=limits, progress=False, max_in_flight_bytes=6_000, flush_interval_s=0.01
    )
    kinds = [request.operation for request in account.requests]
    last_append = len(kinds) - kinds[::-1].index("append")
    assert "status" in kinds[:last_append]


def test_bodies_are_let_go_once_they_are_committed_without_the_collector(channel, monkeypatch):
    made = []
    mapped = payloads_module._mapped

    def noted(frame):
        body = mapped(frame)
        assert isinstance(body, memoryview)
        assert body.readonly
        made.append(weakref.ref(body.obj))
        return body

    monkeypatch.setattr(payloads_module, "_mapped", noted)
    gc.disable()
    try:
        numbers(500).snowpipe.stream(channel, limits=SMALL, progress=False)
        assert len(made) > 10
        assert [pages for pages in made if pages() is not None] == []
    finally:
        gc.enable()


def test_loads_one_after_another_take_no_more_memory_than_one():
    """Eight loads of 17 MB of bodies each: all of them are more than the room that is left here."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout) < 120e6
