"""`ddl` and `check`: the table that takes a frame, and what a given table would reject."""

from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.rows.schema_check import find_problems
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.target_column import TargetColumn

TABLE = "DEMO.PUBLIC.T"
FRAME = pd.DataFrame(
    {
        "id": [1, 2],
        "order": ["a", None],
        'say "hi"': [0.5, 1.5],
        "when": pd.to_datetime(["2026-01-02", "2026-01-03"]),
        "zoned": pd.to_datetime(["2026-01-02", None]).tz_localize("Europe/Berlin"),
        "day": [date(2026, 1, 2), None],
        "at": [time(1, 2), time(3, 4)],
        "price": [Decimal("1.10"), Decimal("22.5")],
        "took": pd.to_timedelta([1, 2], unit="s"),
        "raw": [b"a", b"b"],
        "kind": pd.Categorical(["x", None]),
        "tags": [["a"], {"b": 1}],
        "ok": [True, False],
    }
)


def stream(frame, client):
    result = frame.snowpipe.stream(client.open_channel("c", table=TABLE), progress=False, on_error="report")
    return result.rows - result.rows_rejected


def test_the_tables_text_runs_unchanged_and_the_table_takes_the_frame(account, client):
    text = FRAME.snowpipe.ddl(TABLE, not_null=True, error_logging=True)
    assert text.endswith("ERROR_LOGGING = TRUE")
    required = [line.split()[0] for line in text.splitlines() if "NOT NULL" in line]
    assert required == ["ID", '"say', '"WHEN"', "AT", "PRICE", "TOOK", "RAW", "TAGS", "OK"]
    account.sql(text)
    assert FRAME.snowpipe.check(client.open_channel("c", table=TABLE)) == []
    assert stream(FRAME, client) == 2
    assert account.sql(f"SELECT count(*) AS N FROM {TABLE}")["N"][0] == 2


def test_a_missing_value_anywhere_leaves_a_column_nullable():
    late = pd.DataFrame({"C": np.append(np.zeros(200_000), np.nan), "D": np.zeros(200_001)})
    assert "C FLOAT,\n    D FLOAT NOT NULL" in late.snowpipe.ddl(TABLE, not_null=True)


def test_renamed_and_folded_columns_and_the_index_are_in_the_table():
    frame = pd.DataFrame({"a b": [1]}, index=pd.Index(["x"], name="key"))
    text = frame.snowpipe.ddl(TABLE, index=True, columns={"a b": "ab"}, column_case="upper")
    assert "KEY VARCHAR,\n    AB NUMBER(38,0)" in text


def test_check_lists_what_the_open_channels_table_would_reject(account, client):
    account.sql(
        f"CREATE TABLE {TABLE} (ID NUMBER(38,0) NOT NULL, NAME VARCHAR, DAY DATE, NEEDED VARCHAR NOT NULL)"
    )
    channel = client.open_channel("c", table=TABLE)
    frame = pd.DataFrame({"id": pd.array([1, None], "Int64"), "NAMES": ["a", "b"], "day": [True, False]})
    found = [(problem.column, problem.kind) for problem in frame.snowpipe.check(channel)]
    assert found == [("id", "null"), ("NAMES", "unknown"), ("day", "type"), ("NEEDED", "missing")]
    listed = "; ".join(map(str, frame.snowpipe.check(channel)))
    for part in (
        "'id' has missing values and is NOT NULL in the table: 1 of 2, first row 1",
        "did you mean 'NAME'",
        "'day' is BOOLEAN, the table's is DATE: 2 of 2 values do not fit, first row 0: True",
        "'NEEDED' is NOT NULL",
    ):
        assert part in listed
    mended = pd.DataFrame({"id": [1], "name": ["a"], "day": [date(2026, 1, 2)], "needed": ["x"]})
    assert mended.snowpipe.check(channel) == []
    assert stream(mended, client) == 1


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ({"ID": "NUMBER(38,0)", "T": "VARCHAR"}, []),
        ({"ID": "VARIANT", "T": "VARIANT"}, []),
        ({"id": "NUMBER(38,0)"}, ["unknown"]),
        ({"ID": "DATE", "T": "BINARY"}, ["type", "value"]),
    ],
)
def test_check_takes_a_mapping_of_names_to_types(target, kinds):
    frame = pd.DataFrame({"id": [1], "t": ["x"]})
    assert [problem.kind for problem in frame.snowpipe.check(target)] == kinds


def problem_texts(values, kind, **options):
    found = pd.DataFrame({"PRICE": values}).snowpipe.check({"price": kind}, **options)
    return [str(problem) for problem in found]


def test_check_reads_texts_that_are_to_become_something_else():
    texts = ["$1,200.50", "1200.50", None, "99 EUR", "n/a"]
    assert problem_texts(texts, "NUMBER(10,2)") == [
        "column 'PRICE': 3 of 4 texts are not valid for NUMBER(10,2), first row 0: '$1,200.50'; "
        "convert them, for example with pd.to_numeric"
    ]
    (found,) = problem_texts(["2026-01-02", "02.01.2026"], "DATE")
    expected = "1 of 2 texts is not valid for DATE, first row 1: '02.01.2026'; convert them"
    assert f"{expected}, for example with pd.to_datetime" in found
    (found,) = problem_texts(["yes", "maybe"], "BOOLEAN")
    assert (
        "1 of 2 texts is not valid for BOOLEAN, first row 1: 'maybe'; convert them to True and False" in found
    )
    (found,) = problem_texts(["\u6771" * 90], "STRING(80)")
    assert "1 of 1 text is too long for STRING(80), first row 0: '\\u6771" in found
    assert len(found) < 170
    (found,) = problem_texts([1.5, 1e6, -1e9], "NUMBER(6,2)")
    assert (
        "2 of 3 values are not valid for NUMBER(6,2), first row 1: 1000000.0; they have more digits than it"
        in found
    )


def test_check_counts_over_all_batches_and_names_the_first_row_of_the_frame():
    texts = ["1"] * 100_000 + ["x"] + ["2"] * 100_000 + ["x"]
    (found,) = problem_texts(texts, "INT")
    assert "2 of 200,002 texts are not valid for INT, first row 100,000: 'x'" in found


def test_a_bad_cell_that_check_meets_is_named_by_its_column_and_row():
    years = pa.array([0] * 70_000 + [-(10**14)], pa.timestamp("s"))
    frame = pd.DataFrame({"PRICE": pd.Series(years, dtype=pd.ArrowDtype(years.type))})
    with pytest.raises(sp.SnowpipeError, match="column 'PRICE', row 70000"):
        frame.snowpipe.check({"PRICE": "VARCHAR(40)"})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", [10**18], ["x"]),
        ("BIGINT", ["12"], [True]),
        ("decimal(10, 2)", ["1.5"], ["12345678901"]),
        ("Dec", ["1"], ["1_0"]),
        ("NUMBER(3)", [999], [1000]),
        ("number(2,2)", [0.99], [0.995]),
        ("double", ["NaN"], ["infinity"]),
        ("DOUBLE   PRECISION", [1], [True]),
        ("REAL", ["1e3"], ["1e400"]),
        ("STRING", ["any"], []),
        ("TEXT(3)", ["abc"], ["abcd"]),
        ("CHAR(3)", ["abc"], ["abcd"]),
        ("char", ["a"], ["ab"]),
        ("varbinary(1)", [b"a"], [b"ab"]),
        ("Datetime", ["2026-01-02"], ["2026/01/02"]),
        ("TIMESTAMP", ["2026-01-02T03:04"], [5]),
        ("timestamp_tz(3)", ["2026-01-02 03:04 +0200"], ["03:04"]),
        ("TIMESTAMP WITH LOCAL TIME ZONE", ["2026-01-02"], [[1]]),
        ("Time(0)", ["03:04"], ["2026-01-02T03:04"]),
        ("Boolean", [0, 7], ["7"]),
        ("ARRAY", [[1]], [{"a": 1}]),
        ("array(int)", [np.array([1])], ["[1]"]),
        ("OBJECT", [{"a": 1}], [[1]]),
        ("GEOGRAPHY", ["POINT(1 2)"], []),
        ("VECTOR(FLOAT, 3)", [[1.0, 2.0, 3.0]], []),
    ],
)
def test_check_understands_all_names_of_a_type(kind, good, bad):
    assert problem_texts(good, kind) == []
    assert [problem_texts([value], kind) != [] for value in bad] == [True] * len(bad)


@pytest.mark.parametrize("kind", ["NUMBR(10)", "", "INT; DROP TABLE", "VARCHAR 3", "TIMESTAMP_XTZ"])
def test_a_type_that_snowflake_lacks_is_named(kind):
    with pytest.raises(sp.errors.UsageError, match="not a column type") as caught:
        problem_texts([1], kind)
    assert repr(kind) in str(caught.value)


def test_an_unknown_type_that_a_server_reports_is_not_judged():
    problems = find_problems(
        pa.schema([("A", pa.string())]),
        [TargetColumn("A", "HYPERLOGLOG", nullable=True)],
        [pa.record_batch([["x"]], names=["A"])],
    )
    assert problems == []


SOME = {
    "NUMBER": [1, None],
    "VARCHAR": ["a", None],
    "DATE": pd.to_datetime(["2026-01-02", None]),
    "VARIANT": ["a", None],
    "OBJECT": [{"a": 1}, None],
    "ARRAY": [[1], None],
}
DEFAULTS = {"NUMBER": "5", "DATE": "'2026-01-01'", "VARCHAR": "'x'"}


@pytest.mark.parametrize("nulls", ["emit", "omit"])
@pytest.mark.parametrize("rule", ["", "NOT NULL", "DEFAULT", "NOT NULL DEFAULT"])
@pytest.mark.parametrize("kind", SOME)
def test_check_and_account_agree_on_missing_values(account, client, kind, rule, nulls):
    default = DEFAULTS.get(kind, "'{}'") if "DEFAULT" in rule else ""
    account.sql(f"CREATE TABLE {TABLE} (C {kind} {rule} {default})")
    channel = client.open_channel("c", table=TABLE)
    for values in (SOME[kind], pd.Series([None, None], dtype=object)):
        frame = pd.DataFrame({"C": values})
        problems = frame.snowpipe.check(channel, nulls=nulls)
        result = frame.snowpipe.stream(channel, nulls=nulls, progress=False, on_error="report")
        assert (result.rows_rejected > 0) == bool(problems)
        suggested = any('nulls="omit"' in str(problem) for problem in problems)
        assert suggested == (bool(problems) and rule == "NOT NULL DEFAULT")


def test_a_nested_value_goes_where_a_variant_goes(account, client):
    """A VARIANT that is NOT NULL takes a written null, but no absent key."""
    account.sql(f"CREATE TABLE {TABLE} (A VARIANT NOT NULL, B VARIANT NOT NULL)")
    channel = client.open_channel("c", table=TABLE)
    frame = pd.DataFrame({"A": ["x", None], "B": [{"a": 1}, None]})
    problems = frame.snowpipe.check(channel)
    assert [(problem.column, problem.kind) for problem in problems] == [("B", "null")]
    result = frame.snowpipe.stream(channel, progress=False, on_error="report")
    assert result.rows_rejected == 1


def test_a_column_with_a_default_is_not_missing(account, client):
    account.sql(f"CREATE TABLE {TABLE} (A NUMBER, B VARCHAR NOT NULL DEFAULT 'b', C NUMBER NOT NULL)")
    frame = pd.DataFrame({"A": [1]})
    problems = frame.snowpipe.check(client.open_channel("c", table=TABLE))
    assert [(problem.column, problem.kind) for problem in problems] == [("C", "missing")]


def test_json_of_a_sources_own_may_be_null(account, client):
    account.sql(f"CREATE TABLE {TABLE} (A OBJECT NOT NULL, B VARIANT NOT NULL)")
    channel = client.open_channel("c", table=TABLE)
    texts = pa.ExtensionArray.from_storage(pa.json_(), pa.array([' {"a":1}', "null"]))
    source = open_source(pa.table({"A": texts, "B": texts}))
    found = find_problems(source.schema, channel.target_columns, source.batches())
    assert [(problem.column, problem.kind) for problem in found] == [("A", "value")]
    result = sp.stream(pa.table({"A": texts, "B": texts}), channel, progress=False, on_error="report")
    assert result.rows_rejected == 1
