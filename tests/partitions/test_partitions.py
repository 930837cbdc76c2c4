"""Loads in partitions: the manifest, receipts, what is refused; every row comes once, whatever happens."""

import pickle
import threading

import pyarrow as pa
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ChannelTakenOverError,
    ConfigError,
    ForgottenPartsError,
    LoadIncompleteError,
    LoadMismatchError,
    OtherPartsError,
    UsageError,
)
from snowpipe_pandas.events import RowsAcknowledged
from snowpipe_pandas.offset_tokens import read_token
from snowpipe_pandas.partitions import LoadSpec, deliver, stream_partition
from snowpipe_pandas.partitions.manifest import Manifest
from snowpipe_pandas.streaming.parts import FORGOTTEN_AFTER_S
from tests.partitions.conftest import partitions
from tests.support.loads import TABLE, ids, numbers, operations

ROWS = 400


def token_of(client, channel):
    return client.channel_statuses([channel], table=TABLE)[channel].last_committed_offset_token


def test_every_row_arrives_once_and_each_partition_has_a_result(account, engine):
    result = engine.run(partitions(ROWS, 4))
    assert sorted(ids(account)) == list(range(ROWS))
    assert [part.channel for part in result.parts] == ["load", "load.part-2", "load.part-3", "load.part-4"]
    assert [part.rows_in_table for part in result.parts] == [100] * 4
    assert (result.rows_in_table, result.rows_rejected, result.committed) == (ROWS, 0, True)


def test_the_manifest_says_how_the_load_was_cut_and_then_that_it_is_complete(client, engine):
    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 4), only={1})
    part = read_token(token_of(client, "load.manifest")).part
    assert (part.part, part.parts, part.rows_total, part.done) == (0, 4, None, False)
    assert read_token(token_of(client, "load")).part == read_token("load:1:1-a:0:1/4").part
    engine.run(partitions(ROWS, 4))
    mark = read_token(token_of(client, "load.manifest"))
    assert (mark.part.done, mark.part.rows_total, mark.position.rows) == (True, ROWS, ROWS)
    assert client.channel_statuses(["load", "load.part-2"], table=TABLE) == {}


def test_a_complete_load_runs_nothing_and_still_shows_its_rows(account, engine):
    engine.run(partitions(ROWS, 4))
    engine.ran.clear()
    before = len(operations(account, "rows"))
    again = engine.run(partitions(ROWS, 4))
    assert (again.rows_in_table, again.rows_skipped, again.rows_sent) == (ROWS, ROWS, 0)
    assert engine.ran == []
    assert len(operations(account, "rows")) == before
    assert "nothing to send: all 400 rows" in str(again)


def test_channels_that_could_not_be_dropped_are_dropped_by_the_next_call(account, client, engine, caplog):
    account.faults.add("drop", status=403, times=50)
    engine.run(partitions(ROWS, 4))
    assert "could not be dropped" in caplog.text
    account.faults.clear()
    assert engine.run(partitions(ROWS, 4)).rows_sent == 0
    assert client.channel_statuses(["load", "load.part-2"], table=TABLE) == {}


def test_an_incomplete_load_has_its_receipts_its_failures_and_the_line_to_run_again(account, engine):
    account.faults.add("append", status=403, channel="load.part-3", times=50)
    with pytest.raises(LoadIncompleteError) as caught:
        engine.run(partitions(ROWS, 4), only={1, 2, 3})
    error = caught.value
    assert sorted(error.receipts) == [1, 2]
    assert {number: type(failure).__name__ for number, failure in error.failures.items()} == {
        3: "AuthenticationError"
    }
    assert "2 of 4 partitions are in the table" in str(error)
    assert "1 partition gave no receipt" in str(error)
    assert error.again in str(error)
    assert (error.load.rows_in_table, error.goes_on) == (200, True)
    twin = pickle.loads(pickle.dumps(error))
    assert sorted(twin.receipts) == [1, 2]
    account.faults.clear()
    result = engine.run(partitions(ROWS, 4))
    assert [part.rows_skipped for part in result.parts] == [100, 100, 0, 0]
    assert sorted(ids(account)) == list(range(ROWS))


def test_rejected_rows_are_counted_by_partition_and_can_be_read_when_channels_are_dropped(account, engine):
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER NOT NULL, TEXT VARCHAR) ERROR_LOGGING = TRUE")
    frames = partitions(40, 2)
    frames[1] = frames[1].assign(ID=frames[1]["ID"].astype("Int64").where(frames[1]["ID"] != 30))
    frames[0] = frames[0].assign(ID=frames[0]["ID"].astype("Int64"))
    result = engine.run(frames, on_error="report")
    assert [(part.rows_in_table, part.rows_rejected) for part in result.parts] == [(20, 0), (19, 1)]
    assert result.rejected()["rejected_json"].tolist() == ['{"ID":null,"TEXT":"row 30"}']
    with pytest.raises(UsageError, match="a load of their own"):
        result.repair(result.rejected())
    again = engine.run(frames, on_error="report")
    assert (again.rows_in_table, again.rows_rejected) == (39, 1)
    assert again.rejected()["rejected_json"].tolist() == ['{"ID":null,"TEXT":"row 30"}']


def test_an_error_that_no_further_call_mends_ends_the_load(account, engine):
    account.faults.add("append", reject_rows=1, channel="load")
    with pytest.raises(LoadIncompleteError) as caught:
        engine.run(partitions(ROWS, 4))
    assert engine.ran == [1]
    assert not caught.value.goes_on
    assert "the same call can't go on" in str(caught.value)


# What is refused, before a row is sent.


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_another_partitioning_under_the_same_id_is_refused(account, engine, parts):
    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 4), only={2})
    engine.ran.clear()
    with pytest.raises(OtherPartsError, match=f"begun through 4 partitions, this call has {parts}") as caught:
        engine.run(partitions(ROWS, parts))
    assert (caught.value.parts, caught.value.rows_total, engine.ran) == (4, None, [])
    engine.run(partitions(ROWS, 4))
    assert sorted(ids(account)) == list(range(ROWS))


@pytest.mark.parametrize("complete", [True, False])
def test_other_columns_under_the_same_id_are_refused(engine, complete):
    frames = partitions(ROWS, 4)
    if complete:
        engine.run(frames)
    else:
        with pytest.raises(LoadIncompleteError):
            engine.run(frames, only={1})
    engine.ran.clear()
    with pytest.raises(LoadMismatchError, match="other columns"):
        engine.run([frame[["ID"]] for frame in frames])
    assert engine.ran == []


def test_other_rows_in_a_partition_are_refused(account, engine):
    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 4), only={2})
    frames = partitions(ROWS, 4)
    frames[1].loc[50, "TEXT"] = "edited"
    with pytest.raises(LoadIncompleteError) as caught:
        engine.run(frames)
    assert type(caught.value.failures[2]) is LoadMismatchError
    assert not caught.value.goes_on


@pytest.mark.parametrize("channels", [1, 4])
def test_a_load_that_was_begun_on_one_machine_is_not_a_load_in_partitions(account, client, engine, channels):
    numbers(ROWS).snowpipe.stream(client.table(TABLE), load_id="load", channels=channels, progress=False)
    with pytest.raises(OtherPartsError, match=f"begun through {channels} channel"):
        engine.run(partitions(ROWS, 4))
    assert engine.ran == []


@pytest.mark.parametrize("only", [{2}, {1}, {1, 2, 3, 4}])
@pytest.mark.parametrize("channels", [1, 4])
def test_a_load_in_partitions_does_not_go_on_on_one_machine(account, client, engine, channels, only):
    """Complete ones too, where only the manifest is left."""
    frames = partitions(ROWS, 4)
    if len(only) == 4:
        engine.run(frames)
    else:
        with pytest.raises(LoadIncompleteError):
            engine.run(frames, only=only)
    before = len(operations(account, "rows"))
    with pytest.raises(OtherPartsError, match="begun through 4 partitions"):
        numbers(ROWS).snowpipe.stream(client.table(TABLE), load_id="load", channels=channels, progress=False)
    assert len(operations(account, "rows")) == before


def test_one_partition_is_not_one_channel(account, client, engine):
    engine.run(partitions(20, 1))
    with pytest.raises(OtherPartsError, match="begun through 1 partition,"):
        numbers(20).snowpipe.stream(client.table(TABLE), load_id="load", progress=False)
    assert ids(account) == list(range(20))


def test_a_partition_without_a_driver_is_refused(account, engine):
    frames = partitions(ROWS, 4)
    with pytest.raises(UsageError, match="was not begun"):
        stream_partition(frames[0], engine.spec(frames), 1)
    assert operations(account, "rows") == []


def test_a_partition_that_runs_again_after_the_end_sends_nothing(account, engine):
    """A worker that was thought dead wakes up; its channel was dropped meanwhile."""
    frames = partitions(ROWS, 4)
    engine.run(frames)
    with pytest.raises(UsageError, match="is complete"):
        stream_partition(frames[0], engine.spec(frames), 1)
    assert sorted(ids(account)) == list(range(ROWS))


def test_more_partitions_than_channels_are_refused_with_the_way_out(engine):
    with pytest.raises(UsageError, match=r"4 partitions .* max_channels=3.*repartition\(npartitions=3\)"):
        engine.spec(partitions(ROWS, 4), max_channels=3)


@pytest.mark.parametrize("name", ["after", "channels", "drop_when_done", "delivery", "wait"])
def test_options_that_mean_nothing_here_are_refused(engine, name):
    with pytest.raises(UsageError, match=f"{name}= does not go with"):
        engine.spec(partitions(ROWS, 4), **{name: "x"})


@pytest.mark.parametrize("load_id", [None, "a b", 7])
def test_a_load_needs_a_name(engine, load_id):
    with pytest.raises(UsageError, match="load_id"):
        engine.spec(partitions(ROWS, 4), load_id=load_id)


@pytest.mark.parametrize("outcome", ["done", None, 400])
def test_what_is_not_a_receipt_is_not_a_success(engine, outcome):
    spec = engine.spec(partitions(ROWS, 4))
    with pytest.raises(LoadIncompleteError, match="instead of its receipt"):
        deliver(spec, lambda: [(1, outcome)])


def test_a_receipt_of_another_partition_is_not_a_success(engine):
    frames = partitions(ROWS, 4)
    spec = engine.spec(frames)

    def swapped():
        first = stream_partition(frames[0], spec, 1)
        return [(number, first) for number in (1, 2, 3, 4)]

    with pytest.raises(LoadIncompleteError) as caught:
        deliver(spec, swapped)
    assert sorted(caught.value.receipts) == [1]


def test_a_worker_whose_settings_lead_to_another_user_is_refused(account, engine, tmp_path):
    frames = partitions(ROWS, 4)
    spec = engine.spec(frames, user="DEMO_USER")
    other = pickle.loads(pickle.dumps(spec))
    object.__setattr__(other, "user", "SOMEBODY")
    with pytest.raises(ConfigError, match="lead to account 'LOCAL' and user 'DEMO_USER'"):
        stream_partition(frames[0], other, 1)


@pytest.mark.filterwarnings("ignore::snowpipe_pandas.auth.tokens.ClockSkewWarning")
def test_a_load_whose_channels_may_be_forgotten_is_refused(account, engine):
    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 4), only={1})
    account.clock.move(FORGOTTEN_AFTER_S + 60)
    with pytest.raises(ForgottenPartsError) as caught:
        engine.run(partitions(ROWS, 4))
    assert caught.value.channels == ("load.part-2", "load.part-3", "load.part-4")


# Two at once.


def test_of_two_that_run_a_partition_at_once_one_raises(account, engine):
    """The second one opens the channel when the first has sent some rows; it goes on after them."""
    frames = partitions(ROWS, 1)
    ends, begun = [], threading.Event()

    def second(spec):
        ends.append(stream_partition(frames[0], spec, 1, lambda event, progress: begun.set()))

    def twice():
        spec = engine.spec(frames)
        thread = threading.Thread(target=second, args=(spec,))

        def on_event(event, progress):
            if isinstance(event, RowsAcknowledged) and not thread.ident:
                thread.start()
                assert begun.wait(30)

        with pytest.raises(ChannelTakenOverError):
            stream_partition(frames[0], spec, 1, on_event)
        thread.join(60)
        yield 1, ends[0]

    assert deliver(engine.spec(frames), twice).rows_in_table == ROWS
    assert ends[0].rows_skipped > 0
    assert ids(account) == list(range(ROWS))


@pytest.mark.parametrize("fenced", [True, False])
def test_two_drivers_that_cut_a_load_differently_at_the_same_moment(account, engine, monkeypatch, fenced):
    """The first one's partition has read the manifest when the second driver begins, and sends then.

    The second one finds its channel and opens it, which fences the first. Without that, rows come twice.
    """
    if not fenced:
        monkeypatch.setattr(Manifest, "_open_mark", lambda self, name: None)
    first, second = engine.spec(partitions(ROWS, 4)), engine.spec(partitions(ROWS, 2))
    may_send, has_read = threading.Event(), threading.Event()
    check = Manifest.check_open
    ends = []

    def late(manifest):
        check(manifest)
        if manifest._spec.parts == 4:
            has_read.set()
            may_send.wait(60)

    def one():
        try:
            ends.append(deliver(first, lambda: [(4, stream_partition(partitions(ROWS, 4)[3], first, 4))]))
        except sp.SnowpipeError as error:
            ends.append(error)

    monkeypatch.setattr(Manifest, "check_open", late)
    read = Manifest._read

    def unclaimed(manifest):
        """The second driver has looked before the first one's claim."""
        channel, mark = read(manifest) if manifest._spec.parts == 4 else (None, None)
        return (channel, mark) if manifest._spec.parts == 4 else (manifest_channel(manifest), None)

    def manifest_channel(manifest):
        return manifest._target.open_channel("load.manifest")

    thread = threading.Thread(target=one)
    thread.start()
    assert has_read.wait(60)
    monkeypatch.setattr(Manifest, "_read", unclaimed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "check_open", lambda manifest: None)
        frames = partitions(ROWS, 2)
        result = deliver(
            second, lambda: [(n, stream_partition(frame, second, n)) for n, frame in enumerate(frames, 1)]
        )
    assert result.rows_in_table == ROWS
    may_send.set()
    thread.join(60)
    if fenced:
        assert isinstance(ends[0], ChannelTakenOverError)
        assert sorted(ids(account)) == list(range(ROWS))
    else:
        assert len(ids(account)) > ROWS


# Inputs.


@pytest.mark.parametrize("empty", [1, 2])
def test_an_empty_partition_is_a_partition(account, engine, empty):
    frames = partitions(40, 2)
    frames.insert(empty - 1, frames[0].head(0))
    result = engine.run(frames)
    assert [part.rows_in_table for part in result.parts] == [0 if n == empty else 20 for n in (1, 2, 3)]
    assert engine.run(frames).rows_sent == 0
    assert sorted(ids(account)) == list(range(40))


@pytest.mark.parametrize(
    "form",
    [
        lambda table: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7)),
        lambda table: iter(table.to_batches(max_chunksize=7)),
        lambda table: table,
        lambda table: table.to_pandas(),
    ],
    ids=["reader", "iterator", "table", "frame"],
)
def test_a_partition_may_be_anything_that_can_be_streamed(account, engine, form):
    """Batches may be cut in any way: the digest is of the rows."""
    table = pa.table({"ID": range(ROWS), "TEXT": [f"row {i}" for i in range(ROWS)]})

    def partition(rows, spec, number):
        return stream_partition(form(pa.Table.from_pandas(rows, preserve_index=False)), spec, number)

    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 2), only={1}, partition=partition)
    assert engine.run(partitions(ROWS, 2)).rows_in_table == ROWS
    assert sorted(ids(account)) == table["ID"].to_pylist()


def test_a_spec_travels_and_says_nothing_of_how_it_connects(engine):
    spec = engine.spec(partitions(ROWS, 4))
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert "profile" not in repr(spec)


@pytest.mark.parametrize("name", ["private_key", "token", "user", "profile"])
def test_a_key_in_the_place_of_a_reference_is_in_no_variable_of_the_traceback(engine, name):
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    with pytest.raises(ConfigError, match=f"{name} can't travel") as caught:
        LoadSpec.of(numbers(0), TABLE, load_id="load", parts=1, **{name: key})
    trace = caught.value.__traceback__.tb_next
    while trace is not None:
        assert "MIIEvQIBADANBgkq" not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


def test_loads_in_partitions_are_listed(account, client, engine):
    with pytest.raises(LoadIncompleteError):
        engine.run(partitions(ROWS, 4), only={1})
    [load] = client.table(TABLE).loads()
    assert (load.load_id, load.rows_committed, load.rows_total, load.done) == ("load", 100, None, None)
    engine.run(partitions(ROWS, 4))
    [load] = client.table(TABLE).loads()
    assert (load.rows_committed, load.rows_total, load.done) == (ROWS, ROWS, True)


def test_a_pipe_is_a_target_too(account, engine):
    account.sql(
        "CREATE PIPE NAMED AS COPY INTO NUMBERS FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')) "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )
    frames = partitions(40, 2)
    spec = LoadSpec.of(
        frames[0], pipe="DEMO.PUBLIC.NAMED", load_id="load", parts=2, profile=str(account.profile)
    )
    result = deliver(spec, lambda: [(n, stream_partition(f, spec, n)) for n, f in enumerate(frames, 1)])
    assert (result.target, result.rows_in_table) == ("pipe DEMO.PUBLIC.NAMED", 40)
    assert sorted(ids(account)) == list(range(40))
