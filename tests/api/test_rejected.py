"""Rejected rows are read from the error table by SQL, as rows of the source, and are repaired."""

import copy
import gc
import json
import pickle
import weakref

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import (
    CommitTimeoutError,
    LoadMismatchError,
    RowsRejectedError,
    SqlError,
    SqlPrivilegeError,
    UsageError,
    WarehouseError,
)
from snowpipe_pandas.sql import error_table
from tests.embedded.raw import Raw
from tests.support.loads import SMALL, TABLE

ROW, REASON, JSON = "rejected_row", "rejected_reason", "rejected_json"
QUIET = {"on_error": "report", "progress": False}
LARGE = 2**53 + 1
"""A number that no float holds."""


def frame(rows=6, bad=(1, 3, 5)):
    """NOTE is missing in a NOT NULL column in the bad rows; ID has digits that a float would lose."""
    notes = [None if row in bad else f"row {row}" for row in range(rows)]
    return pd.DataFrame(
        {"ID": range(LARGE, LARGE + rows), "NOTE": notes}, index=[f"label {row}" for row in range(rows)]
    )


@pytest.fixture
def table(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, NOTE VARCHAR NOT NULL) ERROR_LOGGING = TRUE")
    return client.table(TABLE)


def stored(account):
    return sorted(account.sql(f"SELECT ID FROM {TABLE}")["ID"].tolist())


def selects(account):
    return [r for r in account.requests if r.operation == "statement"]


# What is read.


def test_rejected_rows_are_rows_of_the_frame_with_number_and_reason(table):
    rows = frame()
    found = rows.snowpipe.stream(table, **QUIET).rejected()
    assert list(found) == [ROW, REASON, JSON, "ID", "NOTE"]
    assert found[ROW].tolist() == [1, 3, 5]
    assert set(found[REASON]) == {"column NOTE is NOT NULL and has no value"}
    assert json.loads(found[JSON].iloc[0]) == {"ID": LARGE + 1, "NOTE": None}
    pd.testing.assert_frame_equal(found[["ID", "NOTE"]], rows.iloc[[1, 3, 5]])


@pytest.mark.parametrize("kind", ["Parquet", "CSV", "NDJSON", "Arrow", "dicts", "folder"])
def test_sources_that_can_be_read_again_give_their_rows(table, tmp_path, kind):
    rows = frame().reset_index(drop=True)
    whole = pa.Table.from_pandas(rows)
    half = len(rows) // 2
    pq.write_table(whole, tmp_path / "all.parquet")
    (tmp_path / "folder").mkdir()
    pq.write_table(whole.slice(0, half), tmp_path / "folder" / "a.parquet")
    pq.write_table(whole.slice(half), tmp_path / "folder" / "b.parquet")
    rows.to_csv(tmp_path / "all.csv", index=False)
    rows.to_json(tmp_path / "all.ndjson", orient="records", lines=True)
    source = {
        "Parquet": tmp_path / "all.parquet",
        "CSV": str(tmp_path / "all.csv"),
        "NDJSON": [tmp_path / "all.ndjson"],
        "Arrow": whole,
        "dicts": rows.to_dict("records"),
        "folder": tmp_path / "folder",
    }[kind]
    found = sp.stream(source, table, columns={"ID": "id"}, **QUIET).rejected()
    assert found[ROW].tolist() == [1, 3, 5]
    assert [int(value) for value in found["ID"]] == [LARGE + row for row in (1, 3, 5)]
    assert found["NOTE"].isna().all()


def test_a_source_that_gives_its_rows_once_leaves_their_text(table):
    found = sp.stream(iter([frame()]), table, **QUIET).rejected()
    assert list(found) == [ROW, REASON, JSON]
    assert found[ROW].isna().all()
    assert sorted(json.loads(line)["ID"] for line in found[JSON]) == [LARGE + row for row in (1, 3, 5)]


def test_a_row_that_has_changed_since_has_no_number_and_no_values(table):
    rows = frame()
    result = rows.snowpipe.stream(table, **QUIET)
    rows.loc["label 3", "ID"] = 7
    found = result.rejected()
    assert found[ROW].tolist()[:2] == [1, 5]
    assert found[ROW].isna().tolist() == [False, False, True]
    assert found["ID"].tolist() == [LARGE + 1, LARGE + 5, None]
    assert json.loads(found[JSON].iloc[2])["ID"] == LARGE + 3


@pytest.mark.parametrize(
    ("change", "known"),
    [(lambda path: None, 3), (lambda path: path.unlink(), 0), (lambda path: path.write_bytes(b"PAR1"), 0)],
    ids=["unchanged", "gone", "damaged"],
)
def test_files_are_read_as_they_are_then(table, tmp_path, change, known):
    path = tmp_path / "rows.parquet"
    frame().to_parquet(path, index=False)
    result = sp.stream(path, table, **QUIET)
    change(path)
    found = result.rejected()
    assert int(found[ROW].notna().sum()) == known
    assert sorted(json.loads(line)["ID"] for line in found[JSON]) == [LARGE + row for row in (1, 3, 5)]


def test_a_source_that_has_become_shorter_is_read_all_the_same(table):
    rows = frame().to_dict("records")
    result = sp.stream(rows, table, **QUIET)
    del rows[2:]
    found = result.rejected()
    assert (found[ROW].tolist()[0], found[ROW].isna().tolist()) == (1, [False, True, True])


def test_equal_rows_are_each_used_once(table):
    rows = pd.DataFrame({"ID": [1, 2, 1, 1, 2, 1], "NOTE": [None, "a", None, "b", None, None]})
    found = rows.snowpipe.stream(table, limits=SMALL, **QUIET).rejected()
    assert found[ROW].tolist() == [0, 2, 4, 5]


def test_names_of_the_source_stand_beside_ours(account, client):
    account.sql(f'CREATE TABLE {TABLE} ("rejected_row" NUMBER NOT NULL, X NUMBER) ERROR_LOGGING = TRUE')
    rows = pd.DataFrame({"rejected_row": [1, None], "X": [1, 2]}).astype({"rejected_row": "Int64"})
    result = rows.snowpipe.stream(client.table(TABLE), load_id="x", **QUIET)
    found = result.rejected()
    assert list(found) == ["rejected_row_", REASON, JSON, "rejected_row", "X"]
    assert result.repair(found.assign(rejected_row=5), progress=False).rows_in_table == 1
    assert account.sql(f'SELECT "rejected_row" AS N FROM {TABLE}')["N"].tolist() == [1, 5]


def test_an_index_that_was_sent_comes_home_and_goes_out_again(account, client):
    account.sql(f"CREATE TABLE {TABLE} (KEY VARCHAR, ID NUMBER, NOTE VARCHAR NOT NULL) ERROR_LOGGING = TRUE")
    rows = frame().rename_axis("KEY")
    result = rows.snowpipe.stream(client.table(TABLE), load_id="x", index=True, **QUIET)
    found = result.rejected()
    assert found.index.tolist() == ["label 1", "label 3", "label 5"]
    result.repair(found.assign(NOTE="mended"), progress=False)
    kept = account.sql(f"SELECT KEY FROM {TABLE} WHERE NOTE = 'mended'")["KEY"]
    assert sorted(kept) == ["label 1", "label 3", "label 5"]


# Whose rows.


def test_rows_of_other_loads_and_channels_stay_there(account, client, table):
    frame().snowpipe.stream(table, load_id="other", **QUIET)
    frame().snowpipe.stream(table, load_id="mine.too", **QUIET)
    by_hand = client.open_channel("by-hand", table=TABLE)
    frame(4, {0}).snowpipe.stream(by_hand, load_id="mine", **QUIET)  # the same name, another channel
    result = frame(8, {7}).snowpipe.stream(table, load_id="mine", **QUIET)
    assert result.rejected()[ROW].tolist() == [7]


def test_the_tokens_show_in_which_rows_to_look(table):
    rows = frame(400, {150, 390})
    rows["ID"] = 1
    rows.loc["label 390", "ID"] = 2
    result = rows.snowpipe.stream(table, load_id="parts", channels=4, limits=SMALL, **QUIET)
    assert result.rejected()[ROW].tolist() == [150, 390]
    assert len(result.parts) == 4


def test_rows_whose_tokens_are_not_reported_are_not_this_loads(account, table):
    result = frame(4, {2}).snowpipe.stream(table, load_id="mine", **QUIET)
    raw = Raw(account, "mine")
    raw.open()
    raw.append(b'{"ID":1}\n', None)
    raw.append(b'{"ID":2}\n', "mine")
    raw.append(b'{"ID":3}\n', "mine:x:1-00")
    raw.append(result.rejected()[JSON].iloc[0].encode() + b"\n", "mine:4:1-00:0/0/4")  # without a start
    raw.committed("mine:4:1-00:0/0/4")
    with pytest.warns(UserWarning, match="has 2 rows of load 'mine', which counted 1"):
        found = result.rejected()
    assert found[ROW].tolist()[0] == 2
    assert found[ROW].isna().tolist() == [False, True]  # the source has that row once


def test_an_open_channel_and_a_pipe_of_ones_own(account, client, table):
    channel = client.open_channel("own", table=TABLE)
    account.sql(f"CREATE PIPE MINE AS COPY INTO {TABLE} FROM TABLE(DATA_SOURCE(TYPE => 'STREAMING'))")
    for number, target in enumerate([channel, client.pipe("DEMO.PUBLIC.MINE")]):
        result = frame(6, {4}).snowpipe.stream(target, load_id=f"load-{number}", **QUIET)
        found = result.rejected()
        assert found[ROW].tolist() == [4]
        repaired = result.repair(found.assign(NOTE="x"), progress=False)
        assert (repaired.rows_in_table, repaired.target) == (1, result.target)


def test_rows_of_an_elastic_channel_are_known_by_their_text(account, client, table):
    frame(3, {0}).assign(ID=1).snowpipe.stream(table.elastic(), wait=False, **QUIET)
    rows = frame()
    result = rows.snowpipe.stream(table.elastic(), load_id="e", wait=False, **QUIET)
    frame(3, {2}).assign(ID=2).snowpipe.stream(table.elastic(), wait=False, **QUIET)
    found = result.rejected()
    assert found[ROW].tolist() == [1, 3, 5]
    assert result.repair(found.assign(NOTE="x"), progress=False).load_id == "e.repair-1"
    once = sp.stream(iter([rows]), table, delivery="at-least-once", wait=False, **QUIET)
    with pytest.raises(UsageError, match="known by their text alone, and its source can't be read again"):
        once.rejected()


def test_rows_that_an_earlier_call_has_rejected_come_home_too(account, client, table):
    account.channels.pause()
    with pytest.raises(CommitTimeoutError):
        frame(60, {1, 50}).snowpipe.stream(
            table, load_id="x", limits=SMALL, on_error="report", commit_timeout_s=0.2, progress=False
        )
    account.channels.resume()
    with sp.connect(account.profile) as other:
        result = frame(60, {1, 50}).snowpipe.stream(other.table(TABLE), load_id="x", **QUIET)
        assert (result.rows_sent, result.rows_rejected) == (0, 2)
        assert result.rejected()[ROW].tolist() == [1, 50]


def test_more_than_a_page_of_rejected_rows_is_read_page_by_page(account, table):
    rows = 2 * error_table.PAGE_ROWS + 1
    result = frame(rows, range(rows)).snowpipe.stream(table, **QUIET)
    before = len(selects(account))
    assert result.rejected()[ROW].tolist() == list(range(rows))
    assert len(selects(account)) - before == 3


def test_a_page_that_is_too_large_is_read_in_smaller_ones(account, table):
    result = frame().snowpipe.stream(table, **QUIET)
    too_large = json.dumps({"code": "391908", "message": "too large", "statementHandle": "01b2"})
    account.faults.add("statement_result", status=200, body=too_large.encode())
    assert result.rejected()[ROW].tolist() == [1, 3, 5]


# What is refused.


@pytest.mark.parametrize(
    ("code", "state", "kind", "words"),
    [
        ("000606", "57P03", WarehouseError, "needs a warehouse"),
        ("003001", "42501", SqlPrivilegeError, "may not do this"),
    ],
)
def test_a_refusal_of_sql_is_reported_as_what_it_is(account, table, code, state, kind, words):
    result = frame().snowpipe.stream(table, **QUIET)
    refusal = {"code": code, "sqlState": state, "message": "no", "statementHandle": "01b2"}
    account.faults.add("statement_result", status=422, body=json.dumps(refusal).encode())
    with pytest.raises(kind, match=words) as caught:
        result.rejected()
    assert "ALTER TABLE" not in str(caught.value)
    assert result.rejected()[ROW].tolist() == [1, 3, 5]


def test_without_an_error_table_the_message_says_how_to_make_one(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, NOTE VARCHAR NOT NULL)")
    table = client.table(TABLE)
    result = frame().snowpipe.stream(table, **QUIET)
    with pytest.raises(SqlError, match=f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE makes one"):
        result.rejected()
    account.sql(f"ALTER TABLE {TABLE} SET ERROR_LOGGING = TRUE")
    with pytest.warns(UserWarning, match="has 0 rows of load .* which counted 3 rejected rows: it keeps"):
        assert result.rejected().empty


def test_the_error_offers_the_same(account, table):
    with pytest.raises(RowsRejectedError) as caught:
        frame().snowpipe.stream(table, load_id="x", progress=False)
    error = caught.value
    assert error.rejected()[ROW].tolist() == [1, 3, 5]
    assert error.repair(error.rejected().assign(NOTE="x"), progress=False).rows_in_table == 3
    assert stored(account) == [LARGE + row for row in range(6)]
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (twin.rows_rejected, str(twin)) == (3, str(error))
        with pytest.raises(UsageError, match="another process"):
            twin.rejected()


def test_a_job_and_its_error_offer_the_same(table):
    job = frame().snowpipe.stream(table, background=True, on_error="report")
    assert job.result().rejected()[ROW].tolist() == [1, 3, 5]
    failed = frame().snowpipe.stream(table, background=True).exception()
    assert failed.rejected()[ROW].tolist() == [1, 3, 5]


def test_only_a_result_with_rejected_rows_keeps_its_source_alive(table):
    def streamed(rows):
        return rows.snowpipe.stream(table, **QUIET), weakref.ref(rows)

    clean, clean_source = streamed(frame(bad=()))
    dirty, there = streamed(frame())
    gc.collect()
    assert (clean_source(), there() is None) == (None, False)
    assert clean.rejected().empty
    assert pickle.loads(pickle.dumps(dirty)) == dirty
    del dirty
    gc.collect()
    assert there() is None


# Repair.


def test_a_repair_is_sent_once_however_often_the_notebook_is_run(account, client, table):
    for run in range(3):
        result = frame().snowpipe.stream(table, load_id="flights", **QUIET)
        assert (result.rows_in_table, result.rows_rejected) == (3, 3)
        repaired = result.repair(result.rejected().fillna({"NOTE": "mended"}), progress=False)
        assert (repaired.load_id, repaired.rows_in_table, repaired.rows_sent) == (
            "flights.repair-1",
            3,
            0 if run else 3,
        )
    assert stored(account) == [LARGE + row for row in range(6)]
    assert client.channel_statuses(["flights.repair-1"], table=TABLE)


def test_a_repair_needs_no_rejected_first_and_any_order(account, table):
    result = frame().snowpipe.stream(table, load_id="x", **QUIET)
    fixed = result.rejected().assign(NOTE="x").iloc[[2, 0, 1]].drop(columns=[REASON, JSON])
    again = frame().snowpipe.stream(table, load_id="x", **QUIET)
    assert again.repair(fixed.reset_index(drop=True), progress=False).rows_in_table == 3
    from_csv = pd.DataFrame(fixed.to_dict("records")).astype({ROW: float})
    assert again.repair(from_csv, progress=False).rows_sent == 0


def test_rows_that_are_left_out_are_not_sent_and_others_may_follow_after_them(account, table):
    result = frame().snowpipe.stream(table, load_id="x", **QUIET)
    fixed = result.rejected().assign(NOTE="x")
    assert result.repair(fixed.iloc[:1], progress=False).rows_sent == 1
    with pytest.raises(LoadMismatchError):
        result.repair(fixed.iloc[1:], progress=False)
    assert result.repair(fixed, progress=False).rows_sent == 2
    with pytest.raises(LoadMismatchError):
        result.repair(fixed.assign(NOTE="y"), progress=False)
    assert stored(account) == [LARGE + row for row in range(6)]


def test_what_is_rejected_in_a_repair_is_repaired_by_its_result(account, table):
    result = frame().snowpipe.stream(table, load_id="x", **QUIET)
    first = result.rejected()
    first.loc["label 1", "NOTE"] = "x"
    repaired = result.repair(first, progress=False)
    assert (repaired.rows_in_table, repaired.rows_rejected) == (1, 2)
    second = repaired.rejected()
    assert (second[ROW].tolist(), second.index.tolist()) == ([1, 2], ["label 3", "label 5"])
    last = repaired.repair(second.assign(NOTE="x"), progress=False)
    assert (last.load_id, last.rows_in_table) == ("x.repair-2", 2)
    assert result.rejected()[ROW].tolist() == [1, 3, 5]
    assert stored(account) == [LARGE + row for row in range(6)]


def test_a_load_with_the_longest_name_can_be_repaired(table):
    result = frame().snowpipe.stream(table, load_id="x" * 100, **QUIET)
    assert result.repair(result.rejected().assign(NOTE="x"), progress=False).rows_in_table == 3
    with pytest.raises(UsageError, match="load_id"):
        frame().snowpipe.stream(table, load_id="x" * 101 + ".repair-1")


def test_rows_without_a_number_are_repaired_as_many_as_there_are(account, table):
    result = sp.stream(iter([frame()]), table, load_id="x", **QUIET)
    found = result.rejected()
    fixed = pd.DataFrame([json.loads(line) for line in found[JSON]]).assign(NOTE="x")
    with pytest.raises(UsageError, match="3 rows? without a number|no column 'rejected_row'"):
        result.repair(fixed, progress=False)
    assert result.repair(fixed.assign(**{ROW: None}), progress=False).rows_in_table == 3
    with pytest.raises(UsageError, match="4 rows without a number, of the rejected rows 3 have none"):
        result.repair(pd.concat([fixed, fixed.iloc[:1]]).assign(**{ROW: None}), progress=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns=ROW), "no column 'rejected_row'"),
        (lambda f: f.to_dict("records"), "fixed="),
        (lambda f: pd.concat([f, f.iloc[:1]]), "row 1 of the source more than once"),
        (
            lambda f: f.assign(**{ROW: [1, 2, 4]}),
            "rows 2, 4 of the source, which the service has not rejected",
        ),
        (lambda f: f.assign(**{ROW: [1, 3, None]}), "1 row without a number"),
        (lambda f: f.assign(**{ROW: ["1", "3", "5"]}), "the number that rejected"),
        (lambda f: f.assign(**{ROW: [1.5, 3, 5]}), "the number that rejected"),
        (lambda f: f.assign(**{ROW: [True, False, True]}), "the number that rejected"),
        (lambda f: f.assign(**{ROW: [float("inf"), 3, 5]}), "the number that rejected"),
    ],
)
def test_a_frame_that_does_not_pair_up_is_refused_and_nothing_is_sent(account, table, change, words):
    result = frame().snowpipe.stream(table, load_id="x", **QUIET)
    fixed = change(result.rejected().assign(NOTE="x"))
    with pytest.raises(UsageError, match=words):
        result.repair(fixed, progress=False)
    assert len(stored(account)) == 3


def test_rows_of_another_life_of_the_load_are_reported(account, client, table):
    frame().snowpipe.stream(table, load_id="x", drop_when_done=True, **QUIET)
    result = frame(6, {5}).snowpipe.stream(table, load_id="x", **QUIET)
    with pytest.warns(UserWarning, match="has 4 rows of load 'x', which counted 1 rejected row: other runs"):
        found = result.rejected()
    assert found[ROW].dropna().tolist() == [5]


def test_a_load_without_rejected_rows_has_nothing_to_repair_and_asks_nothing(account, table):
    result = frame(bad=()).snowpipe.stream(table, **QUIET)
    before = len(selects(account))
    assert list(result.rejected()) == [ROW, REASON, JSON]
    assert len(selects(account)) == before
    with pytest.raises(UsageError, match="no rejected rows to repair"):
        result.repair(frame().assign(**{ROW: 0}))
