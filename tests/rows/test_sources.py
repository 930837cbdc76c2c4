"""Anything tabular is a source: frames, Arrow, polars, duckdb, iterators, lists of dicts."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from snowpipe_pandas.errors import DataError, EmptySourceError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.source import open_source

FRAME = pd.DataFrame({"ID": [1, 2, 3], "NAME": ["a", None, "ü"]})
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)
NDJSON = '{"ID":1,"NAME":"a"}\n{"ID":2,"NAME":null}\n{"ID":3,"NAME":"ü"}\n'.encode()


def dataset(folder):
    pq.write_table(TABLE, folder / "part.parquet")
    return ds.dataset(folder)


SOURCES = {
    "pandas": (lambda folder: FRAME, 3),
    "table": (lambda folder: TABLE, 3),
    "batch": (lambda folder: TABLE.to_batches()[0], 3),
    "reader": (lambda folder: TABLE.to_reader(), None),
    "dataset": (dataset, 3),
    "scanner": (lambda folder: dataset(folder).scanner(), None),
    "polars": (lambda folder: pl.from_arrow(TABLE), 3),
    "duckdb": (lambda folder: duckdb.from_arrow(TABLE), None),
    "frames in a list": (lambda folder: [FRAME[:1], FRAME[1:]], None),
    "generator of frames": (lambda folder: (FRAME[i : i + 1] for i in range(3)), None),
    "generator of polars": (lambda folder: iter([pl.from_arrow(TABLE)]), None),
    "dicts": (lambda folder: FRAME.astype(object).where(FRAME.notna(), None).to_dict("records"), 3),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_its_rows_and_their_number_where_it_knows_it(tmp_path, name):
    make, total = SOURCES[name]
    assert to_ndjson(make(tmp_path)) == NDJSON
    assert open_source(make(tmp_path)).total_rows == total


def test_a_dataset_keeps_its_filter_and_the_columns_of_its_folders(tmp_path):
    for year, part in (("2025", TABLE[:2]), ("2026", TABLE[2:])):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(part, tmp_path / f"year={year}" / "part.parquet", row_group_size=1)
    whole = ds.dataset(tmp_path, partitioning="hive")
    assert (
        to_ndjson(whole).decode().replace(',"year":2025', "").replace(',"year":2026', "").encode() == NDJSON
    )
    assert to_ndjson(whole).count(b'"year":2025') == 2
    for kept in (whole.filter(ds.field("ID") > 1), whole.filter(ds.field("year") == 2026)):
        assert open_source(kept).total_rows == to_ndjson(kept).count(b"\n") < 3
    csv = tmp_path / "rows.csv"
    FRAME.to_csv(csv, index=False)
    assert to_ndjson(ds.dataset(csv, format="csv")).startswith(b'{"ID":1,"NAME":"a"}\n')


def test_csv_chunks_whose_types_drift_are_written_in_the_type_of_the_load(tmp_path):
    file = tmp_path / "drift.csv"
    file.write_text("ID,V\n1,1\n2,2\n3,\n4,4\n")
    with pd.read_csv(file, chunksize=2) as chunks:
        assert to_ndjson(chunks).decode().splitlines()[2:] == ['{"ID":3,"V":null}', '{"ID":4,"V":4}']
    file.write_text("ID,V\n1,1\n2,2\n3,\n4,x\n")
    problem = r"part 1 .*column 'V' is \w*string in it, int64 in the parts before"
    with pd.read_csv(file, chunksize=2) as chunks, pytest.raises(DataError, match=problem) as caught:
        to_ndjson(chunks)
    assert caught.value.columns == ("V",)


def test_a_part_with_other_columns_is_named():
    with pytest.raises(DataError, match=r"part 1.*'OTHER'"):
        to_ndjson([FRAME, FRAME.rename(columns={"NAME": "OTHER"})])


def test_a_part_with_a_type_that_has_no_form_is_named():
    with pytest.raises(UnsupportedColumnError, match="'NAME'"):
        to_ndjson([FRAME, FRAME.assign(NAME=[1j, 2j, 3j])])


def test_parts_are_taken_one_by_one():
    taken = []

    def parts():
        for number in range(5):
            taken.append(number)
            yield FRAME

    next(open_source(parts()).batches())
    assert taken == [0]


@pytest.mark.parametrize(
    "source", [7, "text", b"bytes", {"a": 1}, None, FRAME["ID"]], ids=lambda s: type(s).__name__
)
def test_what_is_not_tabular_is_refused(source):
    with pytest.raises(DataError, match="not tabular|no columns|no file matches"):
        to_ndjson(source)


def test_an_iterator_of_nothing_has_no_columns():
    with pytest.raises(EmptySourceError):
        open_source(iter([]))


def test_an_index_needs_pandas():
    with pytest.raises(DataError, match="index=True"):
        open_source(TABLE, index=True)


def test_unknown_names_in_columns_are_refused():
    with pytest.raises(DataError, match="'NO'"):
        open_source(FRAME, columns={"NO": "YES"})
