"""Ranges of rows of a source: the texts of the parts, put together, are those of the whole."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.errors import DataError, InvalidValueError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import Encoder
from snowpipe_pandas.rows.sources.source import open_source

from .strategies import kinds

ROWS = 1000
COUNTED = pa.table({"A": range(ROWS), "B": ["x" * (n % 9) for n in range(ROWS)]})


def texts(source):
    """The NDJSON of a source that is open, as `stream()` would send it."""
    encoder = Encoder()
    row, pieces = source.first_row, []
    for batch in source.batches():
        encoded = encoder.encode(batch, row)
        pieces.append(bytes(encoded.bytes_of(0, encoded.rows)))
        row = encoded.end_row
    return b"".join(pieces)


def cut_at(source, borders):
    edges = [0, *borders, source.total_rows]
    return [source.part(start, stop) for start, stop in pairwise(edges)]


def mixed_frame(rows=ROWS):
    """Columns whose type or text a part could get wrong if it were judged alone."""
    numbers = np.arange(rows)
    last = numbers == rows - 1
    return pd.DataFrame(
        {
            "i": numbers,
            "f": np.where(last, 1.5, numbers),
            "late": [None] * (rows - 1) + ["x"],
            "mixed": [int(n) for n in numbers[:-1]] + [2.5],
            "dates": [date(2026, 1, 2)] * (rows - 1) + [datetime(2026, 1, 2, 3)],
            "decimals": [Decimal(int(n)) for n in numbers[:-1]] + [Decimal("1.230")],
            "json": [{"n": int(n)} if n % 3 else None for n in numbers],
            "uuid": [UUID(int=int(n)) for n in numbers],
            "kind": pd.Categorical.from_codes(numbers % 3 - 1, ["é", "q"]),
            "zoned": pd.date_range("2026-01-02", periods=rows, freq="h", tz="Europe/Berlin"),
            "Int": pd.array([None if n % 2 else int(n) for n in numbers], "Int64"),
            "wide": pd.Series(["y" * (int(n) % 50) for n in numbers], dtype="string"),
        }
    )


def parquet(folder, groups=(7, 100, 1), files=2):
    table = pa.Table.from_pandas(mixed_frame().drop(columns=["decimals", "mixed", "dates", "json", "uuid"]))
    borders = np.linspace(0, ROWS, files + 1).astype(int)
    for number, (start, stop) in enumerate(pairwise(borders)):
        pq.write_table(
            table.slice(start, stop - start),
            folder / f"{number}.parquet",
            row_group_size=groups[number % len(groups)],
        )
    pq.write_table(table.slice(0, 0), folder / "0a.parquet")
    return ds.dataset(folder)


def arrow_files(folder):
    frame = pl.from_arrow(COUNTED).with_columns(t=pl.Series([str(n % 5) for n in range(ROWS)]))
    for number, (part, rows, codec) in enumerate(
        [(frame[:300], 7, "zstd"), (frame[300:300], 1, None), (frame[300:], 100, None)]
    ):
        table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_file(folder / f"{number}.arrow", table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=rows)
    return str(folder / "*.arrow")


def drifting_files(folder):
    """The first file has integers and nothing, where the second has floats and texts."""
    first = pa.table({"V": pa.array(range(400), pa.int16()), "T": pa.nulls(400)})
    second = pa.table({"T": [str(n) for n in range(600)], "V": [n / 2 for n in range(600)]})
    pq.write_table(first, folder / "0.parquet", row_group_size=70)
    pq.write_table(second, folder / "1.parquet", row_group_size=90)
    return folder


def dicts():
    return mixed_frame().drop(columns=["zoned", "Int", "kind", "wide"]).astype(object).to_dict("records")


CHUNKED = pa.concat_tables([COUNTED[:1], COUNTED[1:1], COUNTED[1:301], COUNTED[301:]])
CUTTABLE = {
    "pandas": lambda folder: mixed_frame(),
    "table": lambda folder: CHUNKED,
    "batch": lambda folder: CHUNKED.combine_chunks().to_batches()[0],
    "polars": lambda folder: pl.from_arrow(CHUNKED, rechunk=False).with_columns(
        c=pl.Series([str(n % 5) for n in range(ROWS)], dtype=pl.Categorical)
    ),
    "dicts": lambda folder: dicts(),
    "parquet": parquet,
    "paths": lambda folder: [parquet(folder) and folder / name for name in ("1.parquet", "0.parquet")],
    "arrow": arrow_files,
    "files of several types": drifting_files,
}


@pytest.mark.parametrize("name", CUTTABLE)
@pytest.mark.parametrize("borders", [[], [0, ROWS], [1], [500, 500], [7, 8, 107, 333, 999]], ids=str)
def test_the_parts_of_a_source_put_together_are_the_whole(tmp_path, name, borders):
    made = CUTTABLE[name](tmp_path)
    whole, source = texts(open_source(made)), open_source(made)
    assert source.cuttable
    assert whole.count(b"\n") == source.total_rows == ROWS
    parts = cut_at(source, borders)
    assert b"".join(map(texts, parts)) == whole
    assert b"".join(map(texts, parts)) == whole  # read a second time
    for part in parts:
        assert part.schema == source.schema
        assert part.cuttable
        assert texts(part).count(b"\n") == part.total_rows


@pytest.mark.parametrize("name", CUTTABLE)
def test_parts_are_read_by_threads_at_once(tmp_path, name):
    source = open_source(CUTTABLE[name](tmp_path))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(texts, cut_at(source, range(25, ROWS, 25)) * 3))
    assert b"".join(found) == 3 * texts(source)


def test_a_part_of_a_part_counts_in_the_whole():
    part = open_source(mixed_frame()).part(100, 900).part(10, 20)
    assert part.first_row == 110
    assert texts(part) == texts(open_source(mixed_frame()).part(110, 120))


def test_renamed_columns_and_the_index_are_those_of_the_parts():
    frame = mixed_frame().set_index("i")
    source = open_source(frame, index=True, columns={"late": "LATER"}, column_case="upper")
    assert source.part(3, 4).schema.names[:3] == ["I", "F", "LATER"]
    assert texts(source.part(3, 4)).startswith(b'{"I":3,"F":3.0,"LATER":null,')


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: iter([mixed_frame()]),
        lambda folder: [mixed_frame(), mixed_frame()],
        lambda folder: CHUNKED.to_reader(),
        lambda folder: parquet(folder).scanner(),
        lambda folder: parquet(folder).filter(ds.field("i") > 3),
        lambda folder: duckdb.from_arrow(CHUNKED),
        lambda folder: ds.dataset(CHUNKED),
        lambda folder: text_file(folder / "x.csv", "A\n1\n"),
        lambda folder: text_file(folder / "x.ndjson", '{"A":1}\n'),
    ],
    ids=["iterator", "frames", "reader", "scanner", "filter", "duckdb", "dataset in memory", "CSV", "NDJSON"],
)
def test_what_gives_its_rows_in_order_only_is_not_cuttable(tmp_path, make):
    source = open_source(make(tmp_path))
    assert not source.cuttable
    with pytest.raises(DataError, match="can't be read in ranges"):
        source.part(0, 1)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, ROWS + 1), (ROWS + 1, ROWS + 1)])
def test_a_range_beyond_the_rows_is_refused(start, stop):
    with pytest.raises(DataError, match=r"has 1,000 rows"):
        open_source(CHUNKED).part(start, stop)


def text_file(path, content):
    path.write_text(content)
    return path


def test_only_the_row_groups_that_hold_the_range_are_read(tmp_path):
    whole = parquet(tmp_path, groups=(100,))
    second = tmp_path / "1.parquet"
    file = pq.ParquetFile(second).metadata
    group = file.row_group(2).column(0)
    source = open_source(whole)
    data = bytearray(second.read_bytes())
    data[group.data_page_offset : group.data_page_offset + group.total_compressed_size] = bytes(
        group.total_compressed_size
    )
    second.write_bytes(data)
    assert texts(source.part(0, 700)).count(b"\n") == 700
    assert texts(source.part(800, 1000)).count(b"\n") == 200
    with pytest.raises(DataError, match="can't be read"):
        texts(source.part(699, 701))


def test_errors_name_the_row_of_the_whole_source():
    bad_bytes = pa.array([b"ok"] * 9 + [b"\xff"]).cast(pa.binary()).view(pa.string())
    with pytest.raises(InvalidValueError, match="row 9 ") as caught:
        texts(open_source(pa.table({"A": bad_bytes})).part(5, 10))
    assert caught.value.row == 9
    frame = pd.DataFrame({"A": ["ok"] * 9 + ["\ud800"]}, dtype=object)
    with pytest.raises(InvalidValueError, match="row 9 ") as caught:
        texts(open_source(frame).part(5, 10))
    assert caught.value.row == 9
    with pytest.raises(UnsupportedColumnError, match="row 9 "):
        open_source([{"A": 1}] * 9 + [{"A": "x"}])


def test_a_frame_that_its_owner_changes_keeps_the_rows_it_was_opened_with():
    frame = pl.DataFrame({"A": [1, 2, 3]})
    source = open_source(frame)
    frame[0, "A"] = 7
    frame.insert_column(0, pl.Series("B", [1, 2, 3]))
    assert texts(source.part(0, 2)) == b'{"A":1}\n{"A":2}\n'


def test_a_foreign_frame_whose_slices_are_other_rows_is_refused():
    class Odd:
        height = 3

        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"A": [1, 2, 3]}).__arrow_c_stream__(requested_schema)

        def slice(self, start, stop):
            other = Odd()
            other.height = stop - start - 1
            return other

    with pytest.raises(DataError, match="a slice of 3 rows has 2"):
        open_source(Odd())


cuts = st.lists(st.integers(0, 30), max_size=4).map(sorted)


@st.composite
def tables(draw):
    columns = draw(st.lists(kinds(), min_size=1, max_size=3))
    rows = draw(st.integers(0, 30))
    arrays = [
        pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind) for kind, values in columns
    ]
    return pa.table(arrays, names=[f"C{number}" for number in range(len(arrays))])


def parts_and_whole(source, borders):
    opened = open_source(source)
    return b"".join(map(texts, cut_at(opened, [min(b, opened.total_rows) for b in borders]))), texts(opened)


@given(tables(), cuts)
@settings(max_examples=150, deadline=None)
def test_any_arrow_table_cut_anywhere(table, borders):
    parts, whole = parts_and_whole(table, borders)
    assert parts == whole


@given(tables(), cuts, st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_any_parquet_file_cut_anywhere(tmp_path_factory, table, borders, group):
    path = tmp_path_factory.mktemp("any") / "t.parquet"
    try:
        pq.write_table(table, path, row_group_size=group)
        pq.read_table(path)
    except (pa.ArrowException, TypeError):  # what Parquet does not hold, or this Arrow does not read
        return
    for source in (ds.dataset(path), path):
        parts, whole = parts_and_whole(source, borders)
        assert parts == whole


objects = st.sampled_from(
    [
        st.integers(-(10**20), 10**20),
        st.integers(-5, 5) | st.floats(-1e3, 1e3),
        st.decimals(-1000, 1000, allow_nan=False, places=2) | st.integers(-5, 5),
        st.dates() | st.datetimes(),
        st.datetimes(timezones=st.just(UTC)),
        st.text(max_size=5),
        st.booleans(),
        st.dictionaries(st.text(max_size=2), st.integers() | st.none(), max_size=2) | st.lists(st.floats()),
        st.timedeltas(),
    ]
)


@given(st.data(), st.integers(1, 30), cuts)
@settings(max_examples=150, deadline=None)
def test_any_columns_of_python_objects_cut_anywhere(data, rows, borders):
    columns = {
        f"C{number}": data.draw(st.lists(st.none() | data.draw(objects), min_size=rows, max_size=rows))
        for number in range(2)
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    try:
        parts, whole = parts_and_whole(frame, borders)
    except DataError:  # a value that no column holds whole: refused before there are parts
        return
    assert parts == whole
    parts, whole = parts_and_whole(frame.to_dict("records"), borders)
    assert parts == whole
    frame = pl.DataFrame({"A": list(range(rows)), "B": [str(n % 3) for n in range(rows)]})
    parts, whole = parts_and_whole(frame.with_columns(pl.col("B").cast(pl.Categorical)), borders)
    assert parts == whole
