"""Lazy frames: polars' are collected in batches, DuckDB's are streams, others name what to call."""

import sys

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import DataError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.lazy_frames import is_lazy_frame
from snowpipe_pandas.rows.sources.source import open_source

FRAME = pl.DataFrame({"ID": [1, 2, 3], "NAME": ["a", None, "ü"]})


def test_a_lazy_frame_gives_the_rows_of_what_it_collects():
    lazy = FRAME.lazy().filter(pl.col("ID") > 1).with_columns(pl.col("NAME").cast(pl.Categorical).alias("C"))
    assert to_ndjson(lazy) == to_ndjson(lazy.collect())
    source = open_source(lazy)
    assert source.schema.names == ["ID", "NAME", "C"]
    assert source.total_rows is None
    assert not source.cuttable


def test_a_lazy_frame_gives_its_rows_in_order_and_anew_each_time(tmp_path):
    pl.DataFrame({"N": range(500_000)}).write_parquet(tmp_path / "x.parquet", row_group_size=10_000)
    source = open_source(pl.scan_parquet(tmp_path / "x.parquet"))
    for _ in range(2):
        found = [value for batch in source.batches() for value in batch.column(0).to_pylist()]
        assert found == list(range(500_000))


def test_a_lazy_frame_without_rows_has_columns():
    assert to_ndjson(FRAME.lazy().head(0)) == b""
    assert open_source(FRAME.lazy().head(0)).schema.names == ["ID", "NAME"]


def test_a_lazy_frame_that_is_left_early_ends():
    batches = open_source(pl.LazyFrame({"N": range(500_000)})).batches()
    next(batches)
    batches.close()


def test_an_older_polars_collects_the_whole(monkeypatch):
    monkeypatch.delattr(pl.LazyFrame, "collect_batches")
    assert to_ndjson(FRAME.lazy()) == to_ndjson(FRAME)


def test_a_lazy_frame_that_fails_is_an_error_of_ours(tmp_path):
    with pytest.raises(DataError, match="the LazyFrame can't be read"):
        open_source(FRAME.lazy().select("NO"))
    with pytest.raises(DataError, match="the LazyFrame can't be read"):
        open_source(pl.scan_csv(tmp_path / "no.csv"))
    with pytest.raises(DataError, match="the LazyFrame can't be read"):
        to_ndjson(FRAME.lazy().with_columns(pl.col("NAME").cast(pl.Int64, strict=True)))


def test_what_polars_holds_and_arrow_does_not_is_refused_of_a_lazy_frame_too():
    with pytest.raises(UnsupportedColumnError, match="'V'.*Decimal"):
        open_source(pl.LazyFrame({"V": [1]}, schema={"V": pl.Int128}))


def test_a_lazy_frame_has_no_index():
    with pytest.raises(DataError, match="index=True needs a pandas DataFrame"):
        open_source(FRAME.lazy(), index=True)


def test_polars_is_not_imported_to_recognize_lazy_frames(monkeypatch):
    monkeypatch.delitem(sys.modules, "polars")
    assert not is_lazy_frame(pa.table({"A": [1]}))
    assert to_ndjson([{"A": 1}]) == b'{"A":1}\n'
    assert "polars" not in sys.modules


def test_a_relation_of_duckdb_is_a_stream():
    assert to_ndjson(duckdb.sql("SELECT 1 AS A UNION ALL SELECT 2 ORDER BY 1")) == b'{"A":1}\n{"A":2}\n'


def distributed(method):
    """A frame of another library, as far as its kind shows in what it can be turned into."""
    return type("Frame", (), {method: lambda self: None})()


@pytest.mark.parametrize("method", ["collect", "compute", "to_arrow", "toArrow", "to_pandas", "toPandas"])
def test_other_lazy_and_distributed_frames_are_refused_with_what_to_call(method):
    with pytest.raises(DataError, match=rf"type Frame is not tabular: call \.{method}\(\) first"):
        open_source(distributed(method))


NO_SOURCES = {
    "a set of columns": ({"A"}, "part 0 .*str is not tabular"),
    "a generator of numbers": ((n for n in range(3)), "part 0 .*int is not tabular"),
    "a list of lists": ([[1, 2]], "part 0 .*list is not tabular"),
    "a list of series": ([FRAME["ID"]], r"to_frame\(\)"),
    "a list of lazy frames": ([FRAME.lazy()], r"part 0 .*\.collect\(\)"),
    "a connection": (duckdb.connect(), "not tabular"),
    "a module": (pl, "not tabular"),
    "a class": (pl.LazyFrame, "not tabular"),
}


@pytest.mark.parametrize("name", NO_SOURCES)
def test_what_is_not_a_source_is_refused_with_what_would_be(name):
    source, match = NO_SOURCES[name]
    with pytest.raises(DataError, match=match):
        to_ndjson(source)


def test_an_open_file_is_refused_with_advice_to_name_it(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("A\n1\n")
    with path.open() as file, pytest.raises(DataError, match="pass the path of a file"):
        to_ndjson(file)
    with path.open("rb") as file, pytest.raises(DataError, match="pass the path of a file"):
        to_ndjson(file)
