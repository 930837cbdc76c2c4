"""Names of columns: unique as the service matches them, fit for a table, checked before anything is sent."""

import pandas as pd
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import DataError, DuplicateColumnError, UsageError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.source import open_source

SAME = {
    "frame": pd.DataFrame({"id": [1], "ID": [2]}),
    "arrow": pa.table({"id": [1], "ID": [2]}),
    "dicts": [{"id": 1, "ID": 2}],
    "beyond ASCII": pd.DataFrame({"straße": [1], "STRASSE": [2]}),
    "a null column": pd.DataFrame({"id": [1], "ID": [None]}),
}


@pytest.mark.parametrize("name", SAME)
def test_names_that_differ_only_in_case_are_refused_for_what_they_are(name):
    with pytest.raises(DuplicateColumnError, match="differ only in case") as caught:
        open_source(SAME[name])
    assert len(caught.value.columns) == 2


def test_renaming_helps_and_is_checked_too():
    frame = SAME["frame"]
    assert to_ndjson(frame, columns={"ID": "OTHER"}) == b'{"id":1,"OTHER":2}\n'
    with pytest.raises(DuplicateColumnError, match="case"):
        to_ndjson(frame.rename(columns={"ID": "OTHER"}), columns={"OTHER": "Id"})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        ("a" * 256, "256 characters"),
        ("caf\udce9", "lone surrogate"),
        (7, "must be strings"),
    ],
    ids=["empty", "long", "surrogate", "number"],
)
def test_a_name_that_no_column_can_have_is_refused_before_any_sql_is_written(name, problem):
    frame = pd.DataFrame([[1]], columns=pd.Index([name], dtype=object))
    for call in (
        frame.snowpipe.to_ndjson,
        lambda: frame.snowpipe.ddl("D.S.T"),
        lambda: frame.snowpipe.check({}),
    ):
        with pytest.raises(DataError, match=problem):
            call()


def test_a_name_that_no_column_can_have_may_be_renamed():
    frame = pd.DataFrame({"": [1], "a" * 256: [2]})
    assert to_ndjson(frame, columns={"": "A", "a" * 256: "B"}) == b'{"A":1,"B":2}\n'
    both = pd.DataFrame({"id": [1], "ID": [2]})
    assert to_ndjson([both, both], columns={"ID": "B"}) == b'{"id":1,"B":2}\n' * 2


def test_levels_of_an_index_that_share_a_name_are_refused():
    frame = pd.DataFrame({"K": ["x", "x", "y"], "D": [1, 2, 3], "V": [1.0, 2.0, 3.0]}).set_index(["K", "D"])
    rolled = frame.groupby(level="K").rolling(2, min_periods=1).sum()
    with pytest.raises(DuplicateColumnError, match="'K'.*rename_axis"):
        to_ndjson(rolled, index=True)
    assert to_ndjson(rolled.droplevel(0), index=True).startswith(b'{"K":"x","D":1,"V":1.0}\n')
    made_up = pd.DataFrame({"V": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)], names=["level_1", None]))
    with pytest.raises(DuplicateColumnError, match="level_1"):
        to_ndjson(made_up, index=True)


@pytest.mark.parametrize(
    "options",
    [
        {"columns": ["a"]},
        {"columns": 7},
        {"column_case": "lower"},
        {"nulls": "drop"},
        {"binary_format": "hexx"},
    ],
    ids=str,
)
def test_an_option_that_has_no_such_value_is_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        pd.DataFrame({"a": [1]}).snowpipe.to_ndjson(**options)
