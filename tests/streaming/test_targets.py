"""Loads into a table: channels of their own, named after the load; in parts, each resumed by itself."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    ConfigError,
    ForgottenPartsError,
    LoadCancelledError,
    LoadMismatchError,
    OtherLoadError,
    OtherPartsError,
    RowsRejectedError,
    RowTooLargeError,
    UsageError,
)
from snowpipe_pandas.events import LoadStarted, RowsAcknowledged
from snowpipe_pandas.streaming.parts import FORGOTTEN_AFTER_S, channel_of, cut, worthwhile
from tests.support.loads import SMALL, TABLE, ids, make_table, numbers, operations
from tests.support.verdicts import once_acknowledged

ROWS = 400


@pytest.fixture
def table(account, client):
    make_table(account)
    return client.table(TABLE)


def load(target, frame=None, **options):
    frame = numbers(ROWS) if frame is None else frame
    return frame.snowpipe.stream(target, **({"load_id": "a", "progress": False, "limits": SMALL} | options))


def channels(account):
    """Names of the channels that were opened, in their order."""
    return [request.path.rsplit("/", 1)[1] for request in operations(account, "open")]


def test_a_target_makes_no_request(account, client):
    before = len(account.requests)
    table, pipe = client.table("demo.public.numbers"), client.pipe('demo.public."my pipe"')
    assert (repr(table), repr(pipe)) == (
        "<Target DEMO.PUBLIC.NUMBERS>",
        '<Target pipe DEMO.PUBLIC."my pipe">',
    )
    assert len(account.requests) == before


@pytest.mark.parametrize("name", ["", "a..b", "a.b.c.d", None, 3])
def test_a_name_that_names_no_table(client, name):
    with pytest.raises(ConfigError):
        client.table(name)


def test_run_all_twice_with_three_named_loads(account, table):
    frames = {f"2013-0{month}": numbers(100, start=100 * month) for month in range(1, 4)}
    for _ in range(2):
        for name, frame in frames.items():
            load(table, frame, load_id=name)
    for name, frame in reversed(frames.items()):
        assert load(table, frame, load_id=name).rows_sent == 0
    assert sorted(ids(account)) == list(range(100, 400))
    assert set(channels(account)) == set(frames)


def test_a_pipe_of_ones_own_is_a_target(account, client):
    make_table(account)
    account.sql(
        f"CREATE PIPE DEMO.PUBLIC.MINE AS COPY INTO {TABLE} (ID) FROM (SELECT $1:ID "
        "FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    result = load(client.pipe("DEMO.PUBLIC.MINE"))
    assert (result.target, result.rows_in_table) == ("pipe DEMO.PUBLIC.MINE", ROWS)
    assert ids(account) == list(range(ROWS))
    assert account.sql(f"SELECT count(TEXT) AS N FROM {TABLE}")["N"].tolist() == [0]


def test_a_name_with_a_client_is_a_target(account, client):
    make_table(account)
    assert load(TABLE, client=client).target == TABLE


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (TABLE, {}, r"client\.table\('DEMO\.PUBLIC\.NUMBERS'\)"),
        (b"T", {}, r"target=b'T'.*client\.table"),
        (None, {}, r"target=None.*client\.table"),
    ],
)
def test_what_is_not_a_target_gets_the_next_step(target, options, message):
    with pytest.raises(UsageError, match=message):
        numbers(1).snowpipe.stream(target, **options)


def test_a_client_besides_a_target_is_one_too_many(table, client):
    with pytest.raises(UsageError, match="has a client already"):
        load(table, client=client)
    with pytest.raises(UsageError, match="sp.connect"):
        load(TABLE, client="me")


@pytest.mark.parametrize(
    "options",
    [{"channels": 2}, {"channels": "auto"}, {"drop_when_done": True}, {"delivery": "at-least-once"}],
)
def test_an_open_channel_is_one_and_the_users_own(client, account, options):
    make_table(account)
    with pytest.raises(UsageError, match=r"client\.table\('DEMO\.PUBLIC\.NUMBERS'\)"):
        load(client.open_channel("c", table=TABLE), **options)


@pytest.mark.parametrize("options", [{"channels": 2}, {"drop_when_done": True}, {"after": "b"}])
def test_options_that_mean_nothing_to_an_elastic_channel(table, options):
    for target, kind in ((table, "at-least-once"), (table.elastic(), "exactly-once")):
        with pytest.raises(UsageError, match="does not go with this target"):
            load(target, delivery=kind, **options)


def test_an_elastic_load_into_a_table(account, table):
    for number, target in enumerate((table, table.elastic()), 1):
        result = load(target, delivery="at-least-once" if target is table else "exactly-once")
        assert (result.rows_in_table, result.possible_duplicates) == (ROWS, ())
        assert len(ids(account)) == number * ROWS
    assert "open" not in {request.operation for request in account.requests}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "channels=0"),
        ({"channels": 65}, "channels=65"),
        ({"channels": 1.5}, "channels=1.5"),
        ({"channels": True}, "channels=True"),
        ({"channels": "many"}, "channels='many'"),
        ({"drop_when_done": 1}, "drop_when_done=1"),
        ({"drop_when_done": True, "wait": False}, "wait=True"),
        ({"after": "b"}, "channels of its own"),
    ],
)
def test_options_that_a_table_does_not_take(table, options, message):
    with pytest.raises(UsageError, match=message):
        load(table, **options)


# In parts.


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_parts_have_every_row_once_and_each_its_own_order(account, table, parts):
    result = load(table, channels=parts)
    found = ids(account)
    assert sorted(found) == list(range(ROWS))
    for part in cut(ROWS, parts):
        own = [i for i in found if part.first_row <= i < part.end_row]
        assert own == list(range(part.first_row, part.end_row))
    assert [part.channel for part in result.parts] == [channel_of("a", n + 1) for n in range(parts)]
    assert sum(part.rows_in_table for part in result.parts) == result.rows_in_table == result.rows == ROWS
    assert result.requests == sum(part.requests for part in result.parts) == len(operations(account, "rows"))


def test_a_load_in_parts_is_recognised_on_another_day_and_machine(account, table):
    load(table, channels=4)
    with sp.connect(account.profile) as elsewhere:
        again = load(elsewhere.table(TABLE), channels=4)
    assert (again.rows_sent, again.rows_skipped, again.rows_in_table) == (0, ROWS, ROWS)
    assert "nothing to send" in str(again)
    assert load(table, channels="auto").rows_sent == 0
    assert sorted(ids(account)) == list(range(ROWS))


@pytest.mark.parametrize(("first", "then"), [(4, 8), (4, 2), (4, 1), (1, 4)])
def test_another_number_of_channels_is_refused(account, table, first, then):
    load(table, channels=first)
    with pytest.raises(OtherPartsError, match=f"channels={first} ") as caught:
        load(table, channels=then)
    assert (caught.value.parts, caught.value.goes_on) == (first, False)
    assert len(ids(account)) == ROWS


def test_a_channel_object_does_not_go_on_with_a_part(account, table, client):
    load(table, channels=4)
    for name in ("a", "a.part-3"):
        with pytest.raises(OtherPartsError, match="begun through 4 channels, this call has 1"):
            load(client.open_channel(name, table=TABLE))
    assert len(ids(account)) == ROWS


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS + 1])
def test_another_number_of_rows_is_refused_before_anything_is_sent(account, table, rows):
    load(table, channels=4)
    sent = len(operations(account, "rows"))
    with pytest.raises(OtherPartsError, match=f"begun with {ROWS} rows.* has {rows}") as caught:
        load(table, numbers(rows), channels=4)
    assert caught.value.rows_total == ROWS
    assert len(operations(account, "rows")) == sent


def test_other_rows_are_refused(account, table):
    load(table, channels=4)
    changed = numbers(ROWS)
    changed.loc[350, "TEXT"] = "changed"
    with pytest.raises(LoadMismatchError, match="differ"):
        load(table, changed, channels=4)


def test_fewer_rows_than_channels(account, table):
    result = load(table, numbers(3), channels=8)
    assert ([part.rows for part in result.parts], sorted(ids(account))) == ([1, 1, 1], [0, 1, 2])
    assert load(table, numbers(3), channels=8).rows_sent == 0


def test_no_rows_at_all(account, table):
    result = load(table, numbers(0), channels=8)
    assert (result.rows_in_table, result.parts) == (0, (result,))


def test_a_source_that_comes_once_uses_one_channel(account, table):
    result = sp.stream(iter([numbers(ROWS)]), table, load_id="a", channels=8, progress=False)
    assert (len(result.parts), ids(account)) == (1, list(range(ROWS)))


def test_the_number_is_chosen_by_size_and_kept(account, table):
    assert worthwhile(10_000_000, 20e6) == 1
    assert worthwhile(1e12, 20e6) == 8
    load(table, channels=3)
    again = load(table, channels="auto")
    assert (len(again.parts), again.rows_sent) == (3, 0)


def test_a_part_that_fails_stops_the_others_and_the_next_call_goes_on(account, table):
    account.faults.add("append", times=1, channel="a.part-2", status=400, body=b'{"code": "ERR_INVALID"}')
    with pytest.raises(sp.SnowpipeError) as caught:
        load(table, channels=4)
    facts = caught.value.load
    assert facts.channel == "a.part-2"
    first, end = cut(ROWS, 4)[1].first_row, cut(ROWS, 4)[1].end_row
    assert first <= facts.failed_rows[0] < facts.failed_rows[1] <= end
    assert facts.rows_in_table <= facts.rows_acknowledged < ROWS
    assert facts.target == TABLE
    assert str(caught.value).startswith(f"-> {TABLE}, load 'a', channel 'a.part-2': could not append")
    assert caught.value.__notes__ == [facts.outcome]
    assert load(table, channels=4).rows_in_table == ROWS
    assert sorted(ids(account)) == list(range(ROWS))


def test_a_row_that_cant_be_written_is_reported_by_its_number_in_the_whole(account, table):
    frame = pd.DataFrame({"ID": range(ROWS), "TEXT": ["x"] * ROWS})
    frame["TEXT"] = frame["TEXT"].astype(object)
    frame.loc[333, "TEXT"] = "\ud800"
    with pytest.raises(sp.SnowpipeError, match="333"):
        load(table, frame, channels=4)


def test_a_row_that_is_too_large_is_reported_by_its_number_in_the_whole(table):
    frame = numbers(ROWS)
    frame.loc[333, "TEXT"] = "x" * 2000
    with pytest.raises(RowTooLargeError) as caught:
        load(table, frame, channels=4)
    assert caught.value.row == 333


def test_rejected_rows_are_reported_by_their_numbers_in_the_whole(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER(38,0), TEXT VARCHAR(8)) ERROR_LOGGING = TRUE")
    table, frame = client.table(TABLE), numbers(ROWS)
    frame.loc[[150, 390], "TEXT"] = "much too long for it"
    with pytest.raises(RowsRejectedError) as caught:
        load(table, frame, load_id="b", channels=4)
    message = caught.value
    assert any(message.first_row <= row < message.end_row for row in (150, 390))
    result = load(table, frame, channels=4, on_error="report")
    assert (result.rows_in_table, result.rows_rejected) == (ROWS - 2, 2)
    assert result.rejected()["rejected_row"].tolist() == [150, 390]
    with pytest.raises(UsageError, match="a part of a load"):
        result.parts[0].rejected()


def test_cancelling_stops_all_parts(account, table):
    account.faults.add("append", times=1000, delay_s=0.05)
    job = numbers(ROWS).snowpipe.stream(
        table, load_id="a", channels=4, limits=SMALL, background=True, progress=False
    )
    job.cancel()
    with pytest.raises(LoadCancelledError) as caught:
        job.result(10)
    assert caught.value.load is None or caught.value.load.rows_acknowledged < ROWS
    assert job.progress.phase == "cancelled"
    account.faults.clear()
    assert load(table, channels=4).rows_in_table == ROWS
    assert sorted(ids(account)) == list(range(ROWS))


def test_pausing_pauses_all_parts(account, table):
    account.faults.add("append", times=1000, delay_s=0.02)
    begun = threading.Event()

    def on_event(event):
        if isinstance(event, RowsAcknowledged):
            begun.set()

    job = numbers(4 * ROWS).snowpipe.stream(
        table, load_id="a", channels=4, limits=SMALL, background=True, progress=on_event
    )
    assert begun.wait(10)
    job.pause()
    deadline = time.monotonic() + 20
    while any(part.phase in ("preparing", "sending") for part in job.progress.parts):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    at_rest = job.progress
    time.sleep(0.2)
    assert (at_rest.phase, job.progress.rows_acknowledged) == ("paused", at_rest.rows_acknowledged)
    job.resume()
    assert job.result(30).rows_in_table == 4 * ROWS


def test_an_interrupt_stops_all_parts_and_is_raised(account, table):
    account.faults.add("append", times=1000, delay_s=0.02)
    interrupt = once_acknowledged(20, lambda: threading.Timer(0, press_ctrl_c).start())
    with pytest.raises(KeyboardInterrupt) as caught:
        load(table, numbers(4 * ROWS), channels=4, progress=interrupt)
    assert "load 'a'" in caught.value.__notes__[0]
    account.faults.clear()
    assert load(table, numbers(4 * ROWS), channels=4).rows_in_table == 4 * ROWS
    assert sorted(ids(account)) == list(range(4 * ROWS))


def press_ctrl_c():
    import _thread

    _thread.interrupt_main()


def test_events_of_all_parts_are_received_with_their_channels(table):
    received = []
    load(table, channels=4, progress=received.append)
    started = [event for event in received if isinstance(event, LoadStarted)]
    assert sorted(event.channel for event in started) == sorted(channel_of("a", n) for n in range(1, 5))
    rows = np.zeros(ROWS, int)
    for event in received:
        if isinstance(event, RowsAcknowledged):
            rows[event.first_row : event.end_row] += 1
    assert (rows == 1).all()


def test_the_first_part_leads_a_load_that_begins(account, table):
    """Others send only once the service has its first rows, whose token says how the load is cut."""
    account.faults.add("append", times=1, channel="a", delay_s=0.3)
    load(table, channels=4)
    appended = [r.path.split("/channels/")[1].split("/")[0] for r in operations(account, "rows")]
    assert appended[0] == "a"
    assert set(appended) == {channel_of("a", n) for n in range(1, 5)}


def test_progress_adds_the_parts_up(account, table):
    account.faults.add("append", times=1000, delay_s=0.01)
    job = numbers(ROWS).snowpipe.stream(
        table, load_id="a", channels=4, limits=SMALL, background=True, progress=False
    )
    seen = []
    while not job.wait(0.02):
        seen.append(job.progress)
    seen.append(job.progress)
    rows = [progress.rows_in_table for progress in seen]
    assert rows == sorted(rows)
    assert (seen[-1].phase, rows[-1], len(seen[-1].parts)) == ("done", ROWS, 4)
    assert all(sum(p.rows_acknowledged for p in s.parts) == s.rows_acknowledged for s in seen if s.parts)
    assert seen[-1].rows_total == ROWS == sum(part.rows_total for part in seen[-1].parts)


# Two at once, and channels that were deleted.


@pytest.mark.parametrize(("first", "second"), [(4, 4), (4, 8), (2, 4), (1, 4)])
def test_two_processes_with_the_same_load(account, table, first, second):
    """One gives way or is refused; no row comes twice, however each of them cuts it."""
    account.faults.add("append", times=1000, delay_s=0.005)
    ends = []

    def run(parts):
        with sp.connect(account.profile) as own:
            try:
                ends.append(load(own.table(TABLE), channels=parts))
            except sp.SnowpipeError as error:
                ends.append(error)

    threads = [threading.Thread(target=run, args=(parts,)) for parts in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    account.faults.clear()
    load(table, channels="auto")
    assert sorted(ids(account)) == list(range(ROWS))
    assert len(ends) == 2


def test_a_first_part_that_lost_its_rows_does_not_let_them_be_cut_again(account, table):
    """The first part's rows were lost before their commit, those of others were not."""
    account.faults.add(
        "append", after=1, times=1000, channel="a", status=400, body=b'{"code": "ERR_INVALID"}'
    )
    account.channels.commit_lag_s = 0.5
    with pytest.raises(sp.SnowpipeError):
        load(table, channels=4)
    account.faults.clear()
    account.channels.commit_lag_s = 0.0
    table.open_channel("a").drop()
    assert 0 < len(ids(account)) < ROWS
    with pytest.raises(OtherPartsError, match="begun through 4 channels"):
        load(table, channels=2)
    with pytest.raises(OtherPartsError, match="begun through 4 channels"):
        load(table, channels=1)


@pytest.mark.filterwarnings("ignore::snowpipe_pandas.auth.tokens.ClockSkewWarning")
def test_channels_that_the_service_may_have_forgotten(account, table):
    load(table, channels=4)
    table.open_channel("a.part-3").drop()
    account.clock.move(FORGOTTEN_AFTER_S + 60)
    with pytest.raises(
        ForgottenPartsError, match="29 days ago, and 1 channel of its 4 has no offset token"
    ) as caught:
        load(table, channels=4)
    assert caught.value.channels == ("a.part-3",)
    assert len(ids(account)) == ROWS


def test_dropping_when_done_forgets_the_load(account, table):
    result = load(table, channels=4, drop_when_done=True)
    names = [part.channel for part in result.parts]
    assert table.statuses(names) == {}
    assert load(table, channels=4).rows_sent == ROWS


@pytest.mark.parametrize("at", range(5))
def test_a_drop_that_is_cut_short_sends_nothing_again(account, table, at):
    """Whoever finds half of the channels dropped knows that the load is done."""
    account.faults.add("drop", after=at, times=1000, status=400, body=b'{"code": "ERR_INVALID"}')
    assert load(table, channels=4, drop_when_done=True).rows_in_table == ROWS
    account.faults.clear()
    again = load(table, channels=4)
    assert again.rows_sent == (0 if at < 4 else ROWS)
    if at < 4:
        assert "nothing to send" in str(again)
        assert table.statuses([channel_of("a", n) for n in range(1, 5)]) == {}
        assert sorted(ids(account)) == list(range(ROWS))


def test_a_service_that_takes_no_token_with_an_open_keeps_the_channels(account, table, caplog):
    """Nobody outside knows whether Snowflake's shows it at once."""

    def without_token(answer):
        status = answer["channel_status"]
        return answer | {
            "channel_status": status | {"last_committed_offset_token": "a:100:1-ab:0/0/100:1/4/400"}
        }

    account.faults.add("open", after=4, change=without_token)
    assert load(table, channels=4, drop_when_done=True).rows_in_table == ROWS
    assert "does not take an offset token" in caplog.text
    assert len(table.statuses([channel_of("a", n) for n in range(1, 5)])) == 4
    assert load(table, channels=4).rows_sent == 0


def test_a_channel_of_another_load_by_that_name(account, table, client):
    """Somebody has used the name for a load of their own, by hand."""
    channel = client.open_channel("a", table=TABLE)
    load(channel, numbers(10), load_id="b")
    with pytest.raises(OtherLoadError, match="remembers load 'b'"):
        load(table)


def test_the_loads_of_a_table_are_listed(account, table):
    assert table.loads() == []
    load(table, numbers(10), load_id="one")
    load(table, load_id="four", channels=4)
    table.open_channel("nothing-yet")
    table.open_channel("by-hand", offset_token="not a token of ours")
    one, four = table.loads()
    assert (one.load_id, one.rows_committed, one.rows_total, one.done) == ("one", 10, None, None)
    assert (four.load_id, four.rows_committed, four.rows_total, four.done) == ("four", ROWS, ROWS, True)
    assert four.channels == tuple(sorted(channel_of("four", n) for n in range(1, 5)))
    assert str(four) == "four: 400 of 400 rows committed through 4 channels"
    assert one.begun <= four.begun
    account.sql(f"CREATE OR REPLACE TABLE {TABLE} (ID NUMBER, TEXT VARCHAR)")
    assert table.loads() == []


def test_the_loads_of_a_pipe_are_its_own(account, client, table):
    load(table, load_id="through-the-table")
    account.sql(
        f"CREATE PIPE DEMO.PUBLIC.MINE AS COPY INTO {TABLE} (ID) FROM (SELECT $1:ID "
        "FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING')))"
    )
    pipe = client.pipe("DEMO.PUBLIC.MINE")
    load(pipe, load_id="mine")
    assert [known.load_id for known in pipe.loads()] == ["mine"]


def test_a_load_that_stopped_is_listed_as_far_as_it_came(account, table):
    account.faults.add("append", after=2, times=1000, status=400, body=b'{"code": "ERR_INVALID"}')
    with pytest.raises(sp.SnowpipeError):
        load(table, channels=4)
    deadline = time.monotonic() + 20
    while not (known := table.loads()) or known[0].rows_committed != len(ids(account)):
        assert time.monotonic() < deadline  # what was acknowledged is committed a moment later
    assert (known[0].done, known[0].rows_total) == (False, ROWS)
