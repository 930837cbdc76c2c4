"""For random tables of random nested types, each line reads back as the contract says."""

import json
import math
import os

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_pandas.rows.encode.encoder import Encoder, to_ndjson
from snowpipe_pandas.rows.types import is_semi_structured
from tests.rows.oracle import expected
from tests.rows.strategies import tables

NUL = "\x00"

EXAMPLES = int(os.environ.get("EXAMPLES", "300"))
"""`make soak` tries 800."""

thorough = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def lines(data):
    text = bytes(data).decode("utf-8")
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def strict(line):
    return json.loads(line, parse_constant=lambda name: pytest_fail(name))


def pytest_fail(name):
    raise AssertionError(f"{name} is not JSON")


def same(found, wanted):
    """Equal values of equal types; float16 and float32 digits are shortest of their own width."""
    if isinstance(wanted, float) and isinstance(found, float):
        return math.isclose(
            found, wanted, rel_tol=1e-3, abs_tol=1e-7
        )  # exact digits have a test of their own
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(same(found[key], wanted[key]) for key in wanted)
        )
    return type(found) is type(wanted) and found == wanted


def wanted_rows(batch, cells):
    kinds = [field.type for field in batch.schema]
    return [
        {
            name: expected(column[row], kind)
            for name, kind, column in zip(batch.schema.names, kinds, cells, strict=True)
            if column[row] is not None or not is_semi_structured(pa.field(name, kind))
        }
        for row in range(batch.num_rows)
    ]


@thorough
@given(tables())
def test_each_line_is_its_row(drawn):
    batch, cells = drawn
    encoded = Encoder().encode(batch)
    found = [strict(line) for line in lines(encoded.data[: encoded.borders[-1]])]
    assert same(found, wanted_rows(batch, cells))


@thorough
@given(tables())
def test_omitting_nulls_leaves_out_just_their_keys(drawn):
    batch, cells = drawn
    encoded = Encoder(nulls="omit").encode(batch)
    found = [strict(line) for line in lines(encoded.data[: encoded.borders[-1]])]
    rows = [
        {key: value for key, value in row.items() if value is not None} for row in wanted_rows(batch, cells)
    ]
    assert same(found, rows)


@settings(thorough)
@given(tables(), st.integers(1, 5))
def test_the_bytes_do_not_depend_on_how_the_rows_were_cut(drawn, size):
    batch, _ = drawn
    # A table's names pass through C strings in pyarrow, which end at a NUL.
    batch = batch.rename_columns(
        [f"{number}{name.strip(NUL)}" for number, name in enumerate(batch.schema.names)]
    )
    whole = to_ndjson(batch)
    pieces = [batch.slice(start, size) for start in range(0, batch.num_rows, size)]
    assert b"".join(to_ndjson(piece) for piece in pieces) == whole
    if pieces:
        assert to_ndjson(pa.Table.from_batches(pieces)) == whole


@settings(thorough)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.sampled_from([64, 32]))
def test_float_digits_are_exact_and_shortest(values, width):
    kind = pa.float64() if width == 64 else pa.float32()
    array = pa.array([v for v in values if abs(v) < 3e38 or width == 64] or [0.0], kind)
    texts = [line[5:-1] for line in lines(to_ndjson(pa.table({"v": array})))]
    for text, value in zip(texts, array.to_pylist(), strict=True):
        assert pa.scalar(float(text), kind).as_py() == value
        if width == 64:
            assert len(text) <= len(repr(value)) + 2
