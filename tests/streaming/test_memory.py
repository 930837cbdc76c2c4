"""What a load holds: payloads within the bound, in pages of their own, and nothing once it is over."""

import gc
import json
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
from snowpipe_pandas.streaming.held import Held

import snowpipe_pandas as sp
from snowpipe_pandas.api.stream import stream
from snowpipe_pandas.rows import payloads as payloads_module
from snowpipe_pandas.streaming import delivery as delivery_module
from tests.support.loads import ids, numbers

BOUND = 5_000
CHILD = """
import gc, json
import numpy as np, pandas as pd
import snowpipe_pandas as sp
from benchmarks.counting import counting_service
from benchmarks.memory import ANYBODY, peak_over, stream_head

gc.disable()  # which memory must not wait for
frame = pd.DataFrame(np.random.default_rng(1).normal(size=(100_000, 14)))
frame.columns = [f"f{i}" for i in range(14)]
with counting_service() as url, sp.connect(url=url, **ANYBODY) as client:
    stream_head(frame, 1000, client, "warm-up")
    more = peak_over(lambda: [stream_head(frame, 100_000, client, f"load-{n}") for n in range(8)])
print(json.dumps(more))
"""


@pytest.fixture
def held_bytes(monkeypatch):
    """What was held after each payload that was added."""
    seen = []
    add = Held.add

    def noted(held, payload):
        add(held, payload)
        seen.append(held.bytes)

    monkeypatch.setattr(Held, "add", noted)
    return seen


def test_what_is_held_stays_within_the_bound(account, channel, small_payloads, held_bytes):
    numbers(2_000).snowpipe.stream(channel, progress=False, max_in_flight_bytes=BOUND)
    assert len(held_bytes) > 20
    assert BOUND / 2 < max(held_bytes) <= BOUND
    assert ids(account) == list(range(2_000))


def test_the_bound_is_the_same_wherever_it_is_named():
    by_function = stream.__kwdefaults__["max_in_flight_bytes"]
    by_accessor = type(numbers(1).snowpipe).stream.__kwdefaults__["max_in_flight_bytes"]
    assert by_function == by_accessor == delivery_module.MAX_IN_FLIGHT_BYTES == 32 * 2**20


def test_statuses_are_asked_for_sooner_where_much_is_held(account, channel, small_payloads, monkeypatch):
    """The load is over before the interval has passed: only what is held can have made it ask again."""
    monkeypatch.setattr(delivery_module, "STATUS_INTERVAL_S", 3.0)
    asked = []
    status = channel.status
    monkeypatch.setattr(channel, "status", lambda: asked.append(channel.clock.monotonic()) or status())

    def slowly():
        for start in range(0, 1_000, 100):
            yield numbers(100, start=start)
            time.sleep(0.15)

    sp.stream(slowly(), channel, progress=False, max_in_flight_bytes=6_000)
    assert len(asked) > 1
    assert asked[1] - asked[0] < 2.5


def test_bodies_are_let_go_once_they_are_committed_without_the_collector(
    channel, small_payloads, monkeypatch
):
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
        numbers(500).snowpipe.stream(channel, progress=False)
        assert len(made) > 10
        assert [pages for pages in made if pages() is not None] == []
    finally:
        gc.enable()


def test_loads_one_after_another_take_no_more_memory_than_one():
    """Eight loads of 17 MB of bodies each: all of them are more than the room that is left here."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout) < 120e6
