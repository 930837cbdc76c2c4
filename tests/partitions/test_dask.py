"""Loads on Dask: a real cluster of two processes, whose workers and drivers are killed by their own ids."""

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ConfigError, LoadIncompleteError, OtherPartsError, UsageError
from snowpipe_pandas.events import RowsAcknowledged, RowsCommitted
from snowpipe_pandas.partitions.crew import Crew
from tests.conftest import QUICK
from tests.support import dask_trouble
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers, operations

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parents[2]
ROWS = 1600
PARTS = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),  # on a busy machine a worker needs half a minute to come back
    # Killed workers leave streams open; other tests check those that are ours.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    import snowpipe_pandas.dask  # noqa: F401  # registers ddf.snowpipe

    with dask.config.set({"distributed.worker.daemon": True, "distributed.comm.timeouts.connect": "20s"}):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
        )
        yield cluster
        with contextlib.suppress(TimeoutError):  # a busy machine; its processes end with this one
            cluster.close(timeout=60)


@pytest.fixture
def workers(cluster):
    """A client of the cluster, when both workers are there."""
    with distributed.Client(cluster, set_as_default=False) as client:
        try:
            client.wait_for_workers(2, timeout=30)
        except TimeoutError:  # the nanny of a killed one has not made another
            client.restart(timeout=60, wait_for_workers=False)
            client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def load(account, workers):
    """Stream a Dask frame of the numbers, or another one, under one id."""
    make_table(account)

    def load(ddf=None, **given):
        options = {
            "load_id": "load",
            "profile": str(account.profile),
            "client": workers,
            "limits": SMALL,
            "retry": QUICK,
            "progress": False,
        }
        return (ddf if ddf is not None else frame()).snowpipe.stream(TABLE, **(options | given))

    return load


def frame(rows=ROWS, parts=PARTS):
    return dd.from_pandas(numbers(rows), npartitions=parts, sort=False)


def slow(account, seconds=0.05):
    account.faults.add("append", times=10_000, delay_s=seconds)


def on_acknowledgement(number, action):
    """A `progress=` function that does something once, with the `number`-th request of all workers."""
    received = []

    def listen(event):
        if isinstance(event, RowsAcknowledged):
            received.append(event)
            if len(received) == number:
                action()

    return listen


def every_row_once(account, result, rows=ROWS):
    assert sorted(ids(account)) == list(range(rows))
    assert (result.rows_in_table, result.rows_rejected, result.committed) == (rows, 0, True)


def in_the_end(load, calls=4, **given):
    """The same call until it succeeds; the number of calls is bounded."""
    for _ in range(calls):
        try:
            return load(**given)
        except sp.SnowpipeError as error:
            if not error.goes_on:
                raise
    raise AssertionError("it never succeeded")


# What a load gives.


def test_every_partition_has_a_result_and_every_worker_a_row(account, load, monkeypatch):
    crews, received = [], []

    class Kept(Crew):
        def __init__(self, spec):
            super().__init__(spec)
            crews.append(self)

    monkeypatch.setattr("snowpipe_pandas.dask.Crew", Kept)
    slow(account, 0.01)
    result = load(progress=received.append)
    every_row_once(account, result)
    assert [part.rows_in_table for part in result.parts] == [ROWS // PARTS] * PARTS
    assert {event.channel for event in received if isinstance(event, RowsCommitted)} == {
        part.channel for part in result.parts
    }
    shown = crews[0].tracker.snapshot()
    assert shown.phase == "done"
    assert len({row.worker for row in shown.parts}) == 2
    assert sum(row.rows_in_table for row in shown.parts) == shown.rows_in_table


def test_a_finished_load_is_only_recognised_and_a_half_finished_one_goes_on(account, load):
    account.faults.add("append", channel="load.part-8", status=403, times=10_000)
    with pytest.raises(LoadIncompleteError) as caught:
        load(retries=0)
    assert sorted(caught.value.receipts) == [1, 2, 3, 4, 5, 6, 7]
    assert f"ddf.snowpipe.stream('{TABLE}', load_id='load', profile=" in str(caught.value)
    account.faults.clear()
    result = load()
    every_row_once(account, result)
    assert [part.rows_skipped for part in result.parts] == [ROWS // PARTS] * 7 + [0]
    before = len(operations(account, "rows"))
    assert (load().rows_skipped, len(operations(account, "rows"))) == (ROWS, before)


def test_rejected_rows_are_counted_by_partition(account, load):
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER NOT NULL, TEXT VARCHAR) ERROR_LOGGING = TRUE")
    rows = numbers(80).astype({"ID": "Int64"})
    rows.loc[[5, 70], "ID"] = pd.NA
    result = load(dd.from_pandas(rows, npartitions=4, sort=False), on_error="report")
    assert [part.rows_rejected for part in result.parts] == [1, 0, 0, 1]
    assert result.rejected()["rejected_json"].tolist() == [
        '{"ID":null,"TEXT":"row 5"}',
        '{"ID":null,"TEXT":"row 70"}',
    ]


# Deaths.


def test_a_worker_killed_in_mid_load(account, load, workers):
    slow(account)
    pid = next(iter(workers.run(os.getpid).values()))
    result = load(progress=on_acknowledgement(6, lambda: os.kill(pid, signal.SIGKILL)))
    every_row_once(account, result)
    assert sum(part.rows_skipped for part in result.parts) > 0


def test_a_partition_that_kills_its_worker_four_times_and_the_same_call_again(account, load, tmp_path):
    slow(account)
    deaths = {"folder": str(tmp_path), "first_row": 2 * ROWS // PARTS, "times": 4}
    ddf = frame().map_partitions(dask_trouble.deadly, **deaths, meta=frame()._meta)
    with pytest.raises(LoadIncompleteError) as caught:
        load(ddf)
    assert type(caught.value.failures[3]).__name__ == "KilledWorker"
    assert len(os.listdir(tmp_path)) == 4
    assert caught.value.goes_on
    every_row_once(account, in_the_end(lambda: load(ddf)))


def test_a_killed_driver_and_a_new_one(account, load, cluster):
    slow(account)
    arguments = [cluster.scheduler_address, str(account.profile), str(ROWS)]
    process = subprocess.Popen([sys.executable, "-m", "tests.support.dask_driver", *arguments], cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while len(operations(account, "rows")) < 8 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait(30)
    assert 0 < len(ids(account)) < ROWS
    every_row_once(account, in_the_end(load))


@pytest.mark.parametrize("way", ["right", "ignores the token", "names at random", "drops in the worker"])
def test_a_worker_that_dies_between_a_commit_and_its_receipt(account, load, workers, tmp_path, way):
    """Dask runs the partition again. In three wrong ways rows come twice, so the invariant can fail."""
    plugin = dask_trouble.AfterTheCommit(str(tmp_path / "died"), way)
    workers.register_plugin(plugin)
    try:
        with contextlib.nullcontext() if way == "right" else contextlib.suppress(sp.SnowpipeError):
            result = load()
    finally:
        workers.wait_for_workers(2, timeout=60)
        try:
            workers.unregister_worker_plugin(plugin.name)
        except OSError:  # a worker was just ending; the scheduler has forgotten the plugin by then
            workers.restart(timeout=60, wait_for_workers=False)
    assert (tmp_path / "died").exists()
    if way == "right":
        every_row_once(account, result)
    else:
        assert len(ids(account)) > len(set(ids(account)))


def test_two_live_drivers_of_one_load(account, load, cluster):
    slow(account)
    ends = []

    def other():
        with distributed.Client(cluster, set_as_default=False) as client:
            try:
                ends.append(load(client=client))
            except sp.SnowpipeError as error:
                ends.append(error)

    thread = threading.Thread(target=other)
    with contextlib.suppress(sp.SnowpipeError):
        load(progress=on_acknowledgement(4, thread.start))
    thread.join(100)
    assert ends
    every_row_once(account, in_the_end(load))


def test_an_accepted_append_whose_answer_is_lost(account, load):
    account.faults.add("append", after=3, times=2, cut_after=True)
    result = load()
    every_row_once(account, result)
    assert result.retries + result.reopens > 0


# What is refused, and Dask's traps.


def test_another_partitioning_is_refused(account, load):
    load(frame(80, 4))
    before = len(operations(account, "rows"))
    with pytest.raises(OtherPartsError, match="begun through 4 partitions, this call has 5"):
        load(frame(80, 5))
    assert len(operations(account, "rows")) == before


def test_rows_that_dask_makes_up_to_learn_the_columns_are_not_sent(account, load, tmp_path):
    """Without `meta=`, Dask calls functions on rows of its own making, when the graph is built."""
    ddf = frame(80, 4).map_partitions(dask_trouble.spied, str(tmp_path))
    assert any(not name.startswith("20-") for name in os.listdir(tmp_path))
    assert operations(account, "open") == []
    every_row_once(account, load(ddf), 80)


def test_chosen_partitions_are_a_load_of_their_own(account, load):
    ddf = frame(80, 4)
    result = load(ddf.partitions[[2, 3]])
    assert [part.channel for part in result.parts] == ["load", "load.part-2"]
    assert sorted(ids(account)) == list(range(40, 80))
    with pytest.raises(OtherPartsError):
        load(ddf)
    assert result.rows_in_table == 40


def test_parquet_files_that_dask_reads_together_are_as_many_partitions_as_they_become(
    account, load, tmp_path
):
    for number in range(16):
        pq.write_table(
            pa.Table.from_pandas(numbers(10, start=10 * number)), tmp_path / f"{number:02}.parquet"
        )
    ddf = dd.read_parquet(tmp_path, filesystem="arrow", columns=["ID"]).assign(TEXT="x")
    result = load(ddf)
    assert len(result.parts) < ddf.npartitions == 16
    every_row_once(account, result, 160)
    assert load(ddf).rows_sent == 0
    with pytest.raises(OtherPartsError):
        load(ddf.repartition(npartitions=16))


def test_dicts_that_dask_has_made_texts_of_are_warned_of(account, load):
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER, D VARIANT)")
    rows = pd.DataFrame({"ID": range(8), "D": [{"a": i} for i in range(8)]})
    with dask.config.set({"dataframe.convert-string": True}), pytest.warns(UserWarning, match="'D'"):
        load(dd.from_pandas(rows, npartitions=2), load_id="texts")
    with dask.config.set({"dataframe.convert-string": False}):
        load(dd.from_pandas(rows, npartitions=2), load_id="dicts")
    assert len(ids(account)) == 16


def test_more_partitions_than_channels(account, load):
    with pytest.raises(UsageError, match=r"ddf.repartition\(npartitions=3\)"):
        load(frame(80, 4), max_channels=3)


def test_without_a_cluster_it_says_how_to_make_one(account, load):
    with pytest.raises(UsageError, match=r"distributed.Client\(\)"):
        load(client=None)


# The key.


def key_of(account):
    return Path(account.profile).with_name("rsa_key.p8").read_text()


def test_the_key_is_in_no_graph_no_expression_no_log_and_no_event(account, load, workers, cluster):
    """A reference leads to it on the workers. The scan finds the reference: it would find the key."""
    key = key_of(account)
    arguments = pickle.loads(pickle.dumps(dict(sp.config.load_settings(str(account.profile)).describe())))
    seen = []

    def scan():
        for task in list(cluster.scheduler.tasks.values()):
            seen.append(distributed.protocol.pickle.dumps(task.run_spec))
            seen.append(repr(task.run_spec).encode())

    ddf = frame()
    reference = f"file:{Path(account.profile).with_name('rsa_key.p8')}"
    load(
        ddf,
        profile=None,
        url=arguments["account_url"][0],
        account=arguments["account"][0],
        user=arguments["user"][0],
        private_key=reference,
        progress=on_acknowledgement(3, scan),
    )
    seen += [repr(ddf.expr).encode(), repr(ddf).encode()]
    seen += [repr(lines).encode() for lines in (workers.get_scheduler_logs(), workers.get_worker_logs())]
    seen.append(repr(workers.get_events()).encode())
    everything = b"\n".join(seen)
    assert reference.encode() in everything
    assert b"RowsCommitted" in everything
    for line in key.split()[4:-4]:
        assert line.encode() not in everything


def test_the_text_of_a_key_is_refused_and_not_shown(account, load):
    key = key_of(account)
    with pytest.raises(ConfigError, match='private_key can\'t travel to workers: .*"env:NAME"') as caught:
        load(private_key=key)
    assert key.split()[5] not in str(caught.value)
    assert operations(account, "open") == []
