"""A table is compared with the source of a load: what is equal, what differs, and what is not compared."""

import datetime as dt
import decimal
import json
import pickle
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import SqlError, TableDiffersError, UsageError, WarehouseError
from tests.support.loads import TABLE

ROWS = 20
QUIET = {"on_error": "report", "progress": False}
COLUMNS = {
    "INTEGER": range(ROWS),
    "UNSIGNED": pd.array([2**63 + row for row in range(ROWS)], dtype="uint64"),
    "NULLABLE": pd.array([None, *range(ROWS - 1)], dtype="Int64"),
    "DOUBLE": np.linspace(-1, 1, ROWS),
    "SINGLE": np.linspace(-1, 1, ROWS).astype("float32"),
    "FLAG": [True, False] * (ROWS // 2),
    "TEXT": [f"text {row} ü" for row in range(ROWS)],
    "CATEGORY": pd.Categorical(list("xy") * (ROWS // 2)),
    "DAY": [dt.date(1969, 12, 20) + dt.timedelta(days=row) for row in range(ROWS)],
    "CLOCK": pd.date_range("2026-01-01 00:00:00.123456789", periods=ROWS, freq="37s"),
    "INSTANT": pd.date_range("1969-12-31", periods=ROWS, freq="3h", tz="Europe/Berlin"),
    "DECIMAL": [decimal.Decimal("1.25") * row for row in range(ROWS)],
    "IDENTITY": [uuid.UUID(int=row) for row in range(ROWS)],
}
NOT_COMPARED = {"VALUE": [{"a": row} for row in range(ROWS)], "BYTES": [b"a"] * ROWS}


@pytest.fixture
def loaded(account, client):
    """Load a frame into a table made for it; returns the result."""

    def load(source, **options):
        shape = source if isinstance(source, pd.DataFrame) else source.to_pandas()
        account.sql(shape.snowpipe.ddl(TABLE, error_logging=True))
        return sp.stream(source, client.table(TABLE), load_id="x", **QUIET | options)

    return load


def frame(**more):
    return pd.DataFrame(COLUMNS | more)


def differing(verification):
    return {(measured.column, measured.measure) for measured in verification.different}


def test_all_measures_of_a_loaded_frame_are_equal(loaded):
    rows = frame(**NOT_COMPARED)
    result = loaded(rows, channels=2)
    found = sp.verify(result)
    assert found, str(found)
    assert {m.column for m in found.not_compared} == set(NOT_COMPARED)
    assert len(found.measures) == 2 + 1 + 4 * len(COLUMNS) - 2 + len(NOT_COMPARED)
    assert "VALUE (all): not compared, values of such a type have no measures (VARIANT)" in str(found)
    assert str(found).startswith(f"all rows of {TABLE} and the source of load 'x': all 53 measures are equal")
    assert found.raise_if_different() is found


@pytest.mark.parametrize("column", COLUMNS)
def test_one_changed_value_is_found_in_each_type(account, loaded, column):
    rows = frame()
    result = loaded(rows)
    changed = rows.copy()
    values = changed[column].tolist()
    values[7] = values[8]
    changed[column] = pd.Series(values, dtype=rows[column].dtype)
    found = sp.verify(result, changed)
    assert differing(found) >= {(column, "TOTAL"), ("(all)", "DIGEST")}
    assert {name for name, _ in differing(found)} == {column, "(all)"}
    assert not found
    with pytest.raises(TableDiffersError, match="DIFFER") as caught:
        found.raise_if_different()
    assert list(caught.value.different) == found.different
    account.sql(f"UPDATE {TABLE} SET {column} = NULL WHERE INTEGER = 3 OR INTEGER IS NULL")
    assert (column, "NULLS") in differing(sp.verify(result, rows))


def test_other_sources_are_measured_alike(client, loaded, tmp_path):
    rows = frame().drop(columns="IDENTITY")
    table = pa.Table.from_pandas(rows)
    result = loaded(table)
    assert sp.verify(result)
    rows.to_parquet(tmp_path / "rows.parquet")
    assert {m.measure for m in sp.verify(result, tmp_path / "rows.parquet").different} == set()
    assert differing(sp.verify(result, table.slice(1)))


def test_a_receipt_is_enough_with_a_client_and_the_source(client, loaded):
    rows = frame()
    result = loaded(rows, columns={"TEXT": "text"}, column_case="upper")
    receipt = json.loads(json.dumps(pickle.loads(pickle.dumps(result)).receipt()))
    assert sp.verify(receipt, rows, client=client)
    with pytest.raises(UsageError, match="pass client="):
        sp.verify(receipt, rows)
    with pytest.raises(UsageError, match="pass source=df"):
        sp.verify(receipt, client=client)
    with pytest.raises(UsageError, match="can be read more than once"):
        sp.verify(receipt, iter([rows]), client=client)
    for odd in (
        {},
        receipt | {"receipt": 2},
        receipt | {"channels": None},
        receipt | {"began": "x"},
        "x",
        None,
    ):
        with pytest.raises(UsageError, match="load="):
            sp.verify(odd, rows, client=client)


def test_the_digest_alone_needs_no_service(account, loaded):
    rows = frame()
    result = loaded(rows, channels=3)
    before = len(account.requests)
    assert sp.verify(result, by_sql=False)
    assert differing(sp.verify(result.receipt(), rows.iloc[::-1], by_sql=False))
    assert len(account.requests) == before


def test_a_receipt_has_what_was_loaded_and_no_secret(account, client, loaded):
    rows = frame()
    receipt = loaded(rows, channels=2).receipt()
    text = json.dumps(receipt)
    assert [receipt[name] for name in ("load_id", "table", "account", "user", "rows_in_table")] == [
        "x",
        TABLE,
        "LOCAL",
        "DEMO_USER",
        ROWS,
    ]
    assert [(one["channel"], one["first_row"], one["rows"]) for one in receipt["channels"]] == [
        ("x", 0, 10),
        ("x.part-2", 10, 10),
    ]
    assert receipt["began"] <= receipt["ended"]
    profile = json.loads(account.profile.read_text())
    secrets = (
        [client.identity[2], profile["private_key"]] if "private_key" in profile else [client.identity[2]]
    )
    assert not [secret for secret in secrets if secret and secret in text]
    assert "BEGIN" not in text


def test_rejected_rows_are_taken_off_the_source(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, NOTE VARCHAR NOT NULL) ERROR_LOGGING = TRUE")
    rows = pd.DataFrame({"ID": range(6), "NOTE": ["a", None, "c", None, "e", "f"]})
    result = rows.snowpipe.stream(client.table(TABLE), load_id="x", **QUIET)
    found = sp.verify(result)
    assert found, str(found)
    assert "without its 2 rejected rows" in str(found)
    assert sp.verify(result.receipt(), rows, client=client)
    result.repair(result.rejected().assign(NOTE="mended"), progress=False)
    assert ("(all)", "ROWS") in differing(sp.verify(result))  # the table has other rows now, too
    assert sp.verify(result, where="NOTE <> 'mended'")


def test_where_rejected_rows_are_not_known_only_their_number_is_used(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER, NOTE VARCHAR NOT NULL)")
    rows = pd.DataFrame({"ID": range(3), "NOTE": ["a", None, "c"]})
    result = rows.snowpipe.stream(client.table(TABLE), load_id="x", **QUIET)
    found = sp.verify(result)
    assert [(m.measure, m.equal) for m in found.measures[:2]] == [("DIGEST", True), ("ROWS", True)]
    assert {m.why for m in found.not_compared} == {"which rows were rejected is not known"}
    assert {m.column for m in found.not_compared} == {"ID", "NOTE"}


def test_other_rows_of_the_table_are_a_difference_unless_where_leaves_them_out(account, client, loaded):
    rows = frame()
    result = loaded(rows)
    account.sql(f"INSERT INTO {TABLE} (INTEGER) VALUES (1000)")
    assert ("(all)", "ROWS") in differing(sp.verify(result))
    assert sp.verify(result, where="INTEGER < 1000")


def test_columns_of_other_types_are_reported_and_never_called_equal(account, client):
    account.sql(f"CREATE TABLE {TABLE} (A NUMBER, B VARCHAR, C FLOAT, D DATE, E NUMBER DEFAULT 7)")
    rows = pd.DataFrame({"A": ["1", "2"], "B": [1, 2], "C": [1, 2], "D": ["2026-01-01"] * 2, "E": [1, None]})
    result = rows.snowpipe.stream(client.table(TABLE), nulls="omit", progress=False)
    found = sp.verify(result)
    assert {m.column: m.why for m in found.not_compared} == {
        "A": "a text of the source is in a column of type NUMBER(38,0)",
        "B": "a number of the source is in a column of type VARCHAR",
        "D": "a text of the source is in a column of type DATE",
        "E": "rows that leave it out have the column's DEFAULT",
    }
    assert found
    account.sql(f"ALTER TABLE {TABLE} DROP COLUMN C")
    assert "C (all): not compared, the table has no such column" in str(sp.verify(result))


def test_values_that_no_sum_shows_are_not_compared(loaded):
    rows = pd.DataFrame({"F": pd.array([1.0, float("inf")]), "G": [1.0, 2.0]})
    found = sp.verify(loaded(rows))
    assert [(m.column, m.why) for m in found.not_compared] == [
        ("F", "NaN or an infinity is among the values")
    ]


def test_an_elastic_load_has_no_digest(account, client):
    account.sql(f"CREATE TABLE {TABLE} (ID NUMBER) ERROR_LOGGING = TRUE")
    rows = pd.DataFrame({"ID": range(5)})
    result = rows.snowpipe.stream(client.table(TABLE).elastic(), wait=False, progress=False)
    found = sp.verify(result)
    assert (bool(found), [m.why for m in found.not_compared]) == (True, ["elastic channels have none"])
    assert not sp.verify(result, by_sql=False)
    with pytest.raises(TableDiffersError, match="NOTHING was compared"):
        sp.verify(result, by_sql=False).raise_if_different()


def test_what_sql_refuses_is_raised(account, loaded):
    rows = frame()
    result = loaded(rows)
    refusal = {"code": "000606", "sqlState": "57P03", "message": "no", "statementHandle": "01b2"}
    account.faults.add("statement_result", status=422, body=json.dumps(refusal).encode())
    with pytest.raises(WarehouseError):
        sp.verify(result)
    with pytest.raises(SqlError):
        sp.verify(result, where="NO SUCH CONDITION (")


def test_markup_in_values_and_names_is_shown_as_it_is(account, client):
    account.sql(f'CREATE TABLE {TABLE} ("<b>" VARCHAR)')
    rows = pd.DataFrame({"<b>": ["<script>"]})
    result = rows.snowpipe.stream(client.table(TABLE), progress=False)
    shown = sp.verify(result, rows.assign(**{"<b>": "<i>\n"}))
    html = shown._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert len(str(shown).splitlines()) == 1 + len(shown.different)
    assert shown.to_frame()["equal"].tolist().count(False) == len(shown.different)
