"""Faults 46 to 54: what happens to the client itself, and to what it sends."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ClosedError,
    CommitTimeoutError,
    LoadCancelledError,
    LoadMismatchError,
    RowTooLargeError,
    UsageError,
)
from snowpipe_pandas.events import RowsAcknowledged, RowsCommitted
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.load import Load
from snowpipe_pandas.streaming.options import LoadOptions
from tests.support.loads import SMALL, ids, make_table, numbers, open_channel
from tests.support.verdicts import (
    ROWS,
    appends,
    every_row_once,
    exact_prefix,
    opens,
    resumes,
    run,
)


@pytest.mark.parametrize(
    "changed",
    [
        numbers(ROWS).assign(TEXT="other"),
        numbers(ROWS).iloc[::-1],
        numbers(ROWS).iloc[1:],
        numbers(ROWS).iloc[:50],
        numbers(ROWS).rename(columns={"TEXT": "text"}),
    ],
    ids=["edited", "reordered", "first row gone", "fewer", "renamed"],
)
def test_47_other_rows_under_the_same_load_id_are_refused_before_anything_is_sent(account, channel, changed):
    run(channel, 100)
    before = len(appends(account))
    with pytest.raises(LoadMismatchError, match="'load'"):
        changed.snowpipe.stream(channel, limits=SMALL, load_id="load", progress=False)
    assert len(appends(account)) == before
    assert ids(account) == list(range(100))


def interrupted_when(condition):
    """A thread that sends Ctrl-C to the main thread once the condition holds."""
    main = threading.main_thread().ident

    def interrupt():
        deadline = time.monotonic() + 10
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.005)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


@pytest.fixture
def collected():
    """Collects what a Ctrl-C left over while its test still runs.

    It may fall between any two instructions of the HTTP library, such as the making of a socket and its
    keeping; such a socket is closed by the garbage collection, with a warning.
    """
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*<socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("where", ["append", "back-off", "commit wait", "full buffer"])
def test_48_ctrl_c_is_out_within_a_second_and_the_load_resumes(account, connect, channel, collected, where):
    options = {}
    if where == "append":
        account.faults.add("append", after=3, delay_s=5.0)
    elif where == "back-off":
        channel = open_channel(connect(retry=sp.RetryPolicy(base_s=20.0, cap_s=20.0, jitter=0.0)))
        account.faults.add("append", after=3, status=503)
    else:
        account.channels.pause()
        options = {"max_in_flight_bytes": 500} if where == "full buffer" else {}
    reached = {"append": 3, "back-off": 4, "commit wait": 9, "full buffer": 1}[where]
    thread = interrupted_when(lambda: len(appends(account)) >= reached)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(channel, **options)
    ended = time.monotonic()
    thread.join()
    assert time.monotonic() - ended < 1
    assert "run the same call with load_id='load' to go on" in caught.value.__notes__[0]
    account.channels.resume()
    resumes(account, channel)


def make_load(frame, channel, **options):
    return Load(open_source(frame), Encoder(), channel, LoadOptions(load_id="load", limits=SMALL, **options))


@pytest.mark.parametrize("where", ["append", "back-off", "commit wait", "paused"])
def test_48_a_cancel_stops_after_the_request_in_flight(account, connect, channel, where):
    if where == "back-off":
        channel = open_channel(connect(retry=sp.RetryPolicy(base_s=20.0, cap_s=20.0, jitter=0.0)))
        account.faults.add("append", after=3, status=503)
    elif where == "commit wait":
        account.channels.pause()
    load = make_load(numbers(ROWS), channel)
    if where == "paused":
        load.control.pause()
    reached = {"append": 2, "back-off": 4, "commit wait": 9, "paused": 0}[where]

    def cancel():
        while len(appends(account)) < reached:
            time.sleep(0.002)
        load.control.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(LoadCancelledError) as caught:
        load.run()
    thread.join()
    assert "run the same call with load_id='load'" in str(caught.value.load)
    assert load.tracker.snapshot().phase == "cancelled"
    account.channels.resume()
    resumes(account, channel)


def test_48_a_paused_load_sends_nothing_until_it_is_resumed(account, channel):
    load = make_load(numbers(ROWS), channel)
    paused_at = []

    def watch(event):
        if getattr(event, "end_row", 0) >= 100 and not paused_at:
            load.control.pause()
            paused_at.append(len(appends(account)))
            threading.Timer(0.3, load.control.resume).start()

    with channel.events.heard_by(watch):
        started = time.monotonic()
        result = load.run()
    assert time.monotonic() - started > 0.3
    every_row_once(account, result)


def test_49_a_source_that_fails_leaves_an_exact_prefix(account, channel):
    def broken():
        yield numbers(200)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk") as caught:
        sp.stream(broken(), channel, limits=SMALL, load_id="load", progress=False)
    (note,) = caught.value.__notes__
    committed = len(ids(account))
    assert 150 < committed <= 200
    assert f" {committed:,} in the table;" in note
    resumes(account, channel)


def test_50_what_is_on_its_way_never_exceeds_the_given_number_of_bytes(account, channel):
    limit = 2_000
    waiting = []

    def watch(event):
        if isinstance(event, RowsAcknowledged):
            waiting.append((event.end_row, event.sent_bytes))
        if isinstance(event, RowsCommitted):
            waiting[:] = [(end, size) for end, size in waiting if end > event.end_row]
        most.append(sum(size for _, size in waiting))

    most = []
    account.channels.commit_lag_s = 0.05
    every_row_once(account, run(channel, max_in_flight_bytes=limit, progress=watch))
    assert max(most) <= limit
    assert len(most) > 5


def test_50_a_stalled_commit_stops_the_sending(account, channel):
    account.channels.pause()
    result = []
    thread = threading.Thread(target=lambda: result.append(run(channel, max_in_flight_bytes=1_500)))
    thread.start()
    while len(appends(account)) < 2:
        time.sleep(0.01)
    wait_until_quiet(account)
    sent = sum(int(request.headers["content-length"]) for request in appends(account))
    assert 0 < sent <= 1_500
    account.channels.resume()
    thread.join()
    every_row_once(account, result[0])


def wait_until_quiet(account):
    """Return once five statuses in a row were asked for without an append between them."""
    deadline = time.monotonic() + 20
    while [r.operation for r in account.requests[-5:]] != ["status"] * 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("seed", range(4))
def test_51_eight_channels_at_once_with_a_fifth_of_all_requests_failing(account, connect, seed):
    make_table(account)
    client = connect(retry=sp.RetryPolicy(base_s=0.002, cap_s=0.05, budget_s=60))
    channels = [open_channel(client, f"c{number}") for number in range(8)]
    account.faults.random(0.2, seed=seed)
    errors = []

    def load(number):
        for _ in range(20):  # what the reopen budget or a second 401 ends is run again, as a user would
            try:
                frame = numbers(100, start=1000 * number)
                frame.snowpipe.stream(
                    channels[number], limits=SMALL, load_id=f"load-{number}", progress=False
                )
            except sp.SnowpipeError as error:
                errors.append(error)
            else:
                return

    threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account.faults.clear()
    found = ids(account)
    assert sorted(found) == [1000 * n + i for n in range(8) for i in range(100)]
    for number in range(8):
        assert [i for i in found if i // 1000 == number] == list(range(1000 * number, 1000 * number + 100))
    names_and_tokens = {(r.path, r.query["continuationToken"]) for r in appends(account)}
    assert len({path for path, _ in names_and_tokens}) == 8


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_51_a_forked_process_is_refused(channel):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            channel.status()
        except UsageError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert b"call connect() in the new process" in os.read(reading, 1000)
    os.close(reading)
    assert run(channel).rows == ROWS


def test_52_a_retry_sends_the_same_bytes(account, channel):
    for _ in range(3):
        account.faults.add("append", after=1, status=503)
        account.faults.add("append", cut_before=True)
    every_row_once(account, run(channel))
    bodies = {}
    for request in appends(account):
        if request.body_digest is not None:
            bodies.setdefault(request.query["requestId"], set()).add(request.body_digest)
    assert {len(digests) for digests in bodies.values()} == {1}


def test_52_values_at_the_edges_arrive_as_they_are(account, connect):
    frame = pd.DataFrame(
        {
            "F": [np.nan, np.inf, -np.inf, 5e-324],
            "U": np.array([0, 2**63, 2**64 - 1, 1], np.uint64),
            "T": np.array(["1677-09-22", "NaT", "2262-04-11T00:00:00.000000001", "2026-01-01"], "M8[ns]"),
            "S": ["a\nb", "\u2028", "", '"\\'],
        }
    )
    account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.EDGES"))
    frame.snowpipe.stream(connect().open_channel("e", table="DEMO.PUBLIC.EDGES"), progress=False)
    back = account.sql("SELECT F, U, T, S FROM EDGES")
    assert np.array_equal(back["F"].to_numpy(float), frame["F"].to_numpy(), equal_nan=True)
    assert [int(value) for value in back["U"]] == frame["U"].tolist()
    assert back["T"].astype("datetime64[ns]").tolist() == frame["T"].tolist()
    assert back["S"].tolist() == frame["S"].tolist()


@pytest.mark.parametrize("rows", [0, 1])
def test_52_frames_of_no_row_and_of_one(account, channel, rows):
    every_row_once(account, run(channel, rows), rows)
    every_row_once(account, run(channel, rows), rows)


def test_52_a_row_above_the_limit_is_named_before_anything_of_its_payload_is_sent(account, channel):
    frame = numbers(3).assign(TEXT=["a", "b" * 2000, "c"])
    with pytest.raises(RowTooLargeError) as caught:
        frame.snowpipe.stream(channel, limits=SMALL, load_id="load", progress=False)
    assert (caught.value.row, caught.value.limit) == (1, 1000)
    assert ids(account) == list(range(caught.value.load.rows_in_table))


def test_53_close_is_idempotent_drops_nothing_and_swallows_nothing(account, connect, channel):
    run(channel, 100)
    with pytest.raises(ZeroDivisionError), channel:
        raise ZeroDivisionError
    channel.close()
    with pytest.raises(ClosedError, match="open it again"):
        run(channel)
    client = connect()
    resumes(account, open_channel(client))
    client.close()
    client.close()
    assert not [request for request in account.requests if request.operation == "drop"]


def test_53_close_after_a_failure(account, connect):
    make_table(account)
    client = connect()
    account.channels.pause()
    with pytest.raises(CommitTimeoutError), client, open_channel(client) as channel:
        run(channel, commit_timeout_s=0.1)
    assert len(opens(account)) == 1
    account.channels.resume()


@pytest.mark.parametrize("ending", [b"\r\n", b"\n\n", b"\n\r\n\n"])
def test_54_blank_lines_and_carriage_returns_are_tolerated(account, channel, ending):
    body = ending.join([b'{"ID":0,"TEXT":"a"}', b'{"ID":1,"TEXT":"b"}', b""])
    channel.append_rows(body, start_offset_token="0", end_offset_token="2")
    channel.wait_for_commit()
    assert ids(account) == [0, 1]


def test_threads_end_with_the_load_even_when_it_fails(account, channel):
    account.faults.add("append", after=2, status=400)
    with pytest.raises(sp.SnowpipeError) as caught:
        run(channel)
    left = [
        t.name for t in threading.enumerate() if t.name.startswith(("snowpipe-prepare", "snowpipe-render"))
    ]
    assert left == []
    exact_prefix(account, caught.value)


def test_a_finished_load_sends_nothing(account, channel):
    run(channel)
    before = len(appends(account))
    again = run(channel)
    assert (again.rows, again.rows_skipped, len(appends(account))) == (0, ROWS, before)


def test_a_channel_that_held_another_load_starts_at_row_0(account, channel):
    numbers(50).snowpipe.stream(channel, load_id="first", progress=False)
    result = numbers(50, start=50).snowpipe.stream(channel, load_id="second", after="first", progress=False)
    assert (result.rows_skipped, result.rows) == (0, 50)
    assert ids(account) == list(range(100))
