"""How many bytes of rows are values, counted from their keys, is what a reader of the lines finds."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.encode.line_structure import value_bytes
from snowpipe_pandas.rows.payloads import pack
from snowpipe_pandas.rows.sources.source import open_source
from snowpipe_pandas.streaming.options import LoadLimits
from tests.rows.strategies import tables
from tests.support.json_values import read_values

LIMITS = LoadLimits()
NAMES = [
    "A",
    "b c",
    'q"uote',
    "back\\slash",
    "ü",
    "日本",
    "{",
    "}",
    ",",
    ':"',
    "\n",
    "\x01",
    "😀",
    "a\u2028b",
    "'",
]
ROWS = [
    {"A": 1, "ü": "text"},
    {'q"uote': {"nested": {"keys": [1, {"deep": None}]}}, "ü": None},
    {"A": None, "b": [], "日本": '{"A":1,"B":2}', "ü": "\\"},
    {},
]

thorough = settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def oddly_named(draw):
    """A table of random types whose columns have odd names."""
    batch, _ = draw(tables())
    names = draw(st.permutations(NAMES))[: batch.num_columns]
    assert len(names) == batch.num_columns
    return batch.rename_columns(names)


@thorough
@given(oddly_named(), st.sampled_from(["emit", "omit"]), st.data())
def test_counted_from_the_keys_they_are_what_a_reader_finds(batch, nulls, data):
    encoded = Encoder(nulls=nulls).encode(batch)
    start = data.draw(st.integers(0, encoded.rows))
    stop = data.draw(st.integers(start, encoded.rows))
    lines = encoded.bytes_of(start, stop)
    assert encoded.value_bytes(start, stop) == read_values(lines)
    assert value_bytes(bytes(lines)) == read_values(lines)


@pytest.mark.parametrize("nulls", ["emit", "omit"])
@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame({"A": [1.5, None, 3.0], "ü": ["x", None, 'q"\\\n']}),
        ROWS,
        pa.table({"A": pa.array([], pa.int64())}),
        pd.DataFrame({"A": [None, None], "B": pd.array([None, 1], "Int64")}),
    ],
    ids=["frame", "dicts", "no rows", "a row without keys"],
)
def test_payloads_and_their_halves_count_their_own_rows(source, nulls):
    encoder = Encoder(nulls=nulls)
    pieces = [encoder.encode(batch, 0) for batch in open_source(source).batches()]
    payloads = list(
        pack(
            pieces,
            max_raw_bytes=LIMITS.max_raw_bytes,
            max_wire_bytes=LIMITS.max_wire_bytes,
            first_raw_bytes=30,
        )
    )
    assert sum(p.value_bytes for p in payloads) == read_values(to_ndjson(source, nulls=nulls))
    for payload in payloads:
        raw = pa.CompressedInputStream(pa.BufferReader(payload.body), "zstd").read()
        assert payload.value_bytes == read_values(raw)
        if payload.rows > 1:
            assert sum(half.value_bytes for half in payload.halves()) == payload.value_bytes
            half = payload.halves()[0]
            assert half.value_bytes == read_values(raw[: half.raw_bytes])


def test_deep_values_are_counted_though_no_reader_takes_them():
    deep = b"[" * 100_000 + b"]" * 100_000
    assert value_bytes(b'{"A":%b,"B":1}\n' % deep) == len(deep) + 1


def test_a_row_of_texts_as_the_page_on_billing_counts_it():
    line = to_ndjson(pd.DataFrame({"ID": [1], "NAME": ["Anna"], "GONE": [None]}))
    assert line == b'{"ID":1,"NAME":"Anna","GONE":null}\n'
    assert value_bytes(line) == len('1"Anna"null')
