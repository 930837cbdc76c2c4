"""Batches are cut by what their rows become, whatever Arrow's form of them is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.sources import slicing
from snowpipe_pandas.rows.sources.slicing import cut, size_of
from snowpipe_pandas.rows.sources.source import open_source

ROWS = 60_000
LARGE = "x" * 100_000
FEW_TIMES = 4


def ndjson_bytes(batch):
    return len(Encoder().encode(batch).data)


def one_text(rows=ROWS, text=LARGE):
    """A dictionary of one text that every row names."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def runs(rows=ROWS, text=LARGE):
    return pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int32()), pa.array([text]))


def single_lists(values):
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1), pa.int32()), values)


def single_maps(values):
    keys = pa.array(["k"] * len(values))
    return pa.MapArray.from_arrays(np.arange(len(values) + 1, dtype=np.int32), keys, values)


SHAPES = {
    "dictionary": one_text(),
    "runs": runs(),
    "views": pa.array([LARGE] * 200, pa.string_view()),
    "list<dictionary>": single_lists(one_text()),
    "list<runs>": single_lists(runs()),
    "fixed list<dictionary>": pa.FixedSizeListArray.from_arrays(one_text(), 2),
    "struct<dictionary>": pa.StructArray.from_arrays([one_text()], ["f"]),
    "list<struct<dictionary>>": single_lists(pa.StructArray.from_arrays([one_text()], ["f"])),
    "struct<list<dictionary>>": pa.StructArray.from_arrays([single_lists(one_text())], ["f"]),
    "map<dictionary>": single_maps(one_text()),
    "dictionary<list>": pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(ROWS, np.int32)), pa.array([[LARGE, LARGE]])
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_texts_that_are_held_once_are_counted_as_often_as_they_are_written(shape):
    table = pa.table({"A": SHAPES[shape]})
    batches = list(open_source(table).batches())
    assert sum(batch.num_rows for batch in batches) == table.num_rows
    assert size_of(batches[0]) <= slicing.BATCH_BYTES
    assert ndjson_bytes(batches[0]) <= 1.1 * slicing.BATCH_BYTES
    assert len(batches) >= 0.9 * len(LARGE) * table.num_rows / slicing.BATCH_BYTES


def test_slices_count_their_own_rows_only():
    texts = ["x" * 1000] * 10 + ["y"] * 1000
    for column in (
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        pa.array(texts, pa.string_view()),
        pa.array(texts).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays(pa.array([10, 1010], pa.int32()), pa.array([texts[0], "y"])),
        pa.array([[text] for text in texts]),
        pa.array([[text] for text in texts], pa.list_(pa.string(), 1)),
        pa.array([[text] for text in texts], pa.list_view(pa.string())),
        pa.array([{"f": text} for text in texts]),
        pa.array([[("k", text)] for text in texts], pa.map_(pa.string(), pa.string())),
    ):
        batch = pa.record_batch([column], names=["A"])
        assert 10_000 < size_of(batch.slice(0, 10)) < 11_000, column.type
        assert size_of(batch.slice(10)) < 30_000, column.type
        assert size_of(batch.slice(5, 10)) < 6_000, column.type


@pytest.mark.parametrize("first", [True, False])
def test_rows_of_very_different_size_are_cut_apart(first):
    """By the average, the large rows of a batch would be in one slice."""
    texts = [LARGE] * 100 + [""] * 20_000
    table = pa.table({"A": texts if first else texts[::-1]})
    batches = list(open_source(table).batches())
    assert max(map(ndjson_bytes, batches)) <= slicing.BATCH_BYTES
    assert len(batches) < 8


def test_a_row_above_the_target_is_a_slice_alone():
    large = "x" * (2 * slicing.BATCH_BYTES)
    batches = list(cut(pa.record_batch({"A": ["a", "b", large, "c", large]})))
    assert [batch.num_rows for batch in batches] == [2, 1, 1, 1]


def test_rows_of_one_size_are_cut_evenly():
    batches = list(cut(pa.record_batch({"A": ["x" * 400] * 20_000})))
    assert [round(batch.num_rows, -1) for batch in batches] == [10_000, 10_000]


def test_what_is_under_a_null_is_not_counted():
    hidden = pa.StringArray.from_buffers(
        2,
        pa.py_buffer(np.array([0, 10_000, 10_001], np.int32)),
        pa.py_buffer(b"x" * 10_001),
        pa.py_buffer(b"\2"),
    )
    assert hidden.to_pylist() == [None, "x"]
    assert size_of(pa.record_batch([hidden], names=["A"])) < 50


@pytest.mark.parametrize(
    "column",
    [
        pa.array([], pa.string()),
        pa.array([], pa.list_(pa.string())),
        pa.array([], pa.string_view()),
        pa.RunEndEncodedArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string())),
        pa.array([], pa.dictionary(pa.int8(), pa.string())),
    ],
    ids=str,
)
def test_no_rows_give_no_batch(column):
    batch = pa.record_batch([column], names=["A"])
    assert size_of(batch) == 0
    assert list(cut(batch)) == []


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(3),
        pa.nulls(3, pa.string()),
        pa.nulls(3, pa.list_(pa.list_(pa.string()))),
        pa.nulls(3, pa.list_view(pa.string())),
        pa.array([[], [], []], pa.list_view(pa.string())),
        pa.nulls(3, pa.struct([("x", pa.string_view())])),
        pa.DictionaryArray.from_arrays(pa.nulls(3, pa.int8()), pa.array([], pa.string())),
        pa.array([{}, {}, {}], pa.struct([])),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_of_nothing_are_small_and_whole(column):
    batch = pa.record_batch([column], names=["A"])
    assert size_of(batch) < 60
    assert list(cut(batch)) == [batch]


def test_lists_of_many_elements_are_halved_before_their_sizes_are_counted(monkeypatch):
    counted = []
    sizes = slicing._row_sizes
    monkeypatch.setattr(slicing, "MAX_ELEMENTS", 1000)
    monkeypatch.setattr(slicing, "_row_sizes", lambda batch: counted.append(batch.num_rows) or sizes(batch))
    column = pa.array([{"l": [["a"] * 10] * 10}] * 64)
    assert sum(batch.num_rows for batch in cut(pa.record_batch([column], names=["A"]))) == 64
    assert max(counted) * 110 <= 1000


SHORT_OR_LONG = st.sampled_from(["", "a", "some text", "b" * 3_000])
LEAVES = st.sampled_from([pa.string(), pa.large_string(), pa.string_view(), pa.binary()])


def wrapped(kinds):
    """Types around types, each with the values that it has."""
    return kinds.flatmap(
        lambda made: st.sampled_from(
            [
                (pa.list_(made[0]), st.lists(made[1], max_size=3)),
                (pa.large_list(made[0]), st.lists(made[1], max_size=3)),
                (pa.list_(made[0], 2), st.lists(made[1], min_size=2, max_size=2)),
                (
                    pa.struct([("f", made[0]), ("g", made[0])]),
                    st.fixed_dictionaries({"f": made[1], "g": made[1]}),
                ),
                (
                    pa.map_(pa.string(), made[0]),
                    st.dictionaries(st.sampled_from("abc"), made[1], max_size=3).map(
                        lambda d: list(d.items())
                    ),
                ),
            ]
        )
    )


def leaf(kind):
    values = SHORT_OR_LONG.map(str.encode) if pa.types.is_binary(kind) else SHORT_OR_LONG
    return kind, st.none() | values


KINDS = st.recursive(LEAVES.map(leaf), wrapped, max_leaves=3)
OUTER = ("plain", "dictionary", "runs")


@st.composite
def batches(draw):
    """A slice of a batch of a random column, of which few distinct values occur often."""
    kind, values = draw(KINDS)
    distinct = pa.array(draw(st.lists(st.none() | values, min_size=1, max_size=4)), kind)
    shape = draw(st.sampled_from(OUTER))
    if (
        shape == "runs" and not pa.types.is_nested(kind) and kind != pa.string_view()
    ):  # Arrow decodes no others
        lengths = draw(st.lists(st.integers(1, 40), min_size=len(distinct), max_size=len(distinct)))
        column = pa.RunEndEncodedArray.from_arrays(pa.array(np.cumsum(lengths), pa.int32()), distinct)
    else:
        at = draw(st.lists(st.integers(0, len(distinct) - 1), min_size=1, max_size=80))
        column = pa.DictionaryArray.from_arrays(pa.array(at, pa.int32()), distinct)
        if shape != "dictionary" or pa.types.is_nested(kind):
            column = pa.array([distinct[number].as_py() for number in at], kind)
    start = draw(st.integers(0, len(column)))
    return pa.record_batch([column, pa.array(range(len(column)))], names=["A", "N"]).slice(start)


@given(batches())
def test_no_batch_is_far_above_the_target_and_all_rows_come_in_order(batch):
    target = 20_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slicing, "BATCH_BYTES", target)
        found = list(cut(batch))
    for part in found:
        assert part.num_rows == 1 or ndjson_bytes(part) <= FEW_TIMES * target
        assert size_of(part) <= target or part.num_rows == 1
    if batch.num_rows:
        assert b"".join(bytes(Encoder().encode(part).data) for part in found) == to_ndjson(batch)
    assert [n for part in found for n in part["N"].to_pylist()] == batch["N"].to_pylist()


def test_a_dictionary_of_views_that_is_longer_than_its_column():
    for kind in (pa.string_view(), pa.binary_view()):
        values = pa.array([None, b"x"]).cast(kind)
        column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), values)
        assert to_ndjson(pa.table({"A": column})) == b'{"A":null}\n'
