"""Where the engine takes another way inside, the rows must not show it: borders, spans, repeats, nulls."""

import json
import mmap
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from snowpipe_pandas.errors import InvalidValueError, UnsupportedColumnError
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.encode.escapes import RUN_BYTES
from snowpipe_pandas.rows.encode.numbers import RUN, without_plus
from snowpipe_pandas.rows.encode.text import SAMPLE
from snowpipe_pandas.rows.sources.slicing import BATCH_BYTES
from snowpipe_pandas.rows.sources.source import open_source


def column(array, **options):
    """What `json.loads` gives for the cells of a column; a key that is left out is "left out"."""
    lines = to_ndjson(pa.table({"c": array}), **options).splitlines()
    return [json.loads(line).get("c", "left out") for line in lines]


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_at_the_ends_of_their_type_are_exact_however_few_they_are(kind):
    limits = np.iinfo(kind)
    few = np.array([limits.min, limits.min + 1] * 40 + [limits.max] * 2, kind)
    for values in (few, few[:80], few[80:], np.arange(limits.max - 2, limits.max, dtype=kind).repeat(50)):
        assert column(pa.array(values)) == values.tolist()


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("cells", [RUN - 1, RUN, RUN + 1, 2 * RUN + 2])
@pytest.mark.parametrize("absent", [False, True])
def test_numbers_are_whole_where_one_run_of_them_ends_and_the_next_begins(width, cells, absent):
    rows = -(-cells // width)
    table = np.random.default_rng(cells).normal(size=(rows, width))
    nulls = (np.arange(rows) % 7 == 3) & absent
    names = [str(number) for number in range(width)]
    source = pa.table([pa.array(values, mask=nulls) for values in table.T], names=names)
    for row, line in enumerate(to_ndjson(source).splitlines()):
        wanted = [None] * width if nulls[row] else table[row].tolist()
        assert list(json.loads(line).values()) == wanted


def test_long_lists_of_numbers_are_whole():
    values = np.random.default_rng(1).normal(size=2 * RUN + 5)
    lists = pa.ListArray.from_arrays(pa.array([0, 3, 3, len(values)], pa.int32()), pa.array(values))
    assert column(lists) == [values[:3].tolist(), [], values[3:].tolist()]


def test_every_8_bit_integer_is_written_right_when_each_is_written_once():
    for kind in ("int8", "uint8"):
        values = np.tile(np.arange(256, dtype="uint8").view(kind), 5)
        assert column(pa.array(values)) == values.tolist()


def test_integers_of_a_short_span_may_be_null_and_what_lies_under_a_null_does_not_show():
    values = [7, None, 8, 9] * 30
    assert column(pa.array(values, pa.int64())) == values
    hidden = pa.array(np.array([7, 2**62, 8, 9] * 30), mask=np.array([False, True, False, False] * 30))
    assert column(hidden) == values
    assert column(hidden.slice(1, 50)) == values[1:51]


ROUGH = ['say "hi"', "a\\b", "two\nlines", "tab\t\x00\x1f\x7f", "grüße 東京 😀", "", None, "plain", "\\", '"']


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_texts_are_escaped_the_same_whether_they_repeat_or_not(kind):
    repeated = ROUGH * (SAMPLE // 4)
    distinct = [None if text is None else f"{text}{number}" for number, text in enumerate(repeated)]
    assert column(pa.array(repeated, kind)) == repeated
    assert column(pa.array(distinct, kind)) == distinct
    assert column(pa.array(repeated, kind).slice(3, 2000)) == repeated[3:2003]


def test_a_slice_of_more_text_than_the_plain_layout_holds_is_written():
    """pandas keeps all text of a column in one piece; here the pages before it are never touched."""
    far = 2**31 + 10
    data = mmap.mmap(-1, far + 10)
    data[far:] = b"helloworld"
    borders = np.array([0, far, far + 5, far + 5, far + 10])
    valid = pa.py_buffer(np.array([0b1011], np.uint8))
    text = pa.LargeStringArray.from_buffers(4, pa.py_buffer(borders), pa.py_buffer(data), valid)
    assert column(text.slice(1)) == ["hello", None, "world"]


def test_every_character_below_the_blank_is_escaped_as_rfc_8259_says():
    texts = [f"{chr(code)}x{chr(code)}" for code in range(0x80)]
    assert column(pa.array(texts)) == texts
    for line in to_ndjson(pa.table({"c": texts})).split(b"\n"):
        assert not any(byte < 0x20 for byte in line)


def test_escapes_are_those_of_rfc_8259_byte_for_byte():
    assert cells(pa.array(['"\\', "\b\t\n\f\r", "\x00\x1f\x0b", "\x7f/\u2028ü😀", ""])) == [
        r'"\"\\"',
        r'"\b\t\n\f\r"',
        r'"\u0000\u001f\u000b"',
        '"\x7f/\u2028ü😀"',
        '""',
    ]


@pytest.mark.parametrize("size", [1, 7, 60_000, 3 * RUN_BYTES])
def test_texts_are_whole_where_one_run_of_them_ends_and_the_next_begins(size):
    texts = [f'{number}"\x01\n' + "x" * (size - number % 3) for number in range(-(-3 * RUN_BYTES // size))]
    texts = [None, "", *texts[:5000], "\\", None]
    assert column(pa.array(texts)) == texts
    assert column(pa.array(texts).slice(3)) == texts[3:]


def test_bad_utf8_is_reported_with_its_row_even_where_texts_repeat_or_nulls_hide_some():
    good = [b"good \n"] * (2 * SAMPLE)
    with pytest.raises(InvalidValueError, match=r"'c', row 1500 .*UTF-8"):
        column(pa.array([*good[:1500], b"\xff\n", *good]).view(pa.string()))
    # Each half of a character is bad although both together are good.
    with pytest.raises(InvalidValueError, match=r"'c', row 0 .*UTF-8"):
        column(pa.array([b"\xc3", b"\xbc\n"]).view(pa.string()))
    with pytest.raises(InvalidValueError, match=r"'c', row 0 .*UTF-8"):
        column(pa.array([b"\xc3", b"\xbc"]).view(pa.string()))
    data = pa.py_buffer(b"ok\n\xff\xff")
    offsets = pa.py_buffer(np.array([0, 3, 5], np.int32))
    hidden = pa.StringArray.from_buffers(2, offsets, data, pa.py_buffer(b"\x01"))
    assert column(hidden) == ["ok\n", None]


def test_a_bad_value_within_a_list_or_a_dictionary_is_reported_with_the_row_of_its_parent():
    inner = pa.array([b"a", b"b", b"\xff"]).view(pa.string())
    lists = pa.ListArray.from_arrays(pa.array([0, 0, 2, 3], pa.int32()), inner)
    with pytest.raises(InvalidValueError, match=r"'c', row 2 "):
        column(lists)
    with pytest.raises(InvalidValueError, match=r"'c', row 1 "):
        column(lists.slice(1))
    chosen = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 2, 0, 2]), inner)
    with pytest.raises(InvalidValueError, match=r"'c', row 3 "):
        column(chosen)
    assert column(chosen.slice(0, 3)) == ["a", "b", "a"]


@pytest.mark.parametrize("size", [3, 62, 63, 64, 65, 300])
def test_a_dictionary_of_any_length_gives_its_values(size):
    values = [f'"{number}' for number in range(size - 1)] + [None]
    at = pa.array([0, None, size - 2, size - 1] * size)
    array = pa.DictionaryArray.from_arrays(at, pa.array(values))
    wanted = [None if number is None else values[number] for number in at.to_pylist()]
    assert column(array) == wanted
    assert column(array.slice(1, 2)) == wanted[1:3]
    left_out = ["left out" if value is None else value for value in wanted]
    assert column(array, nulls="omit") == left_out
    assert column(array.slice(2, 2), nulls="omit") == left_out[2:4]  # its one null is the dictionary's


def test_runs_are_their_values_and_a_null_run_is_left_out():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 5], pa.int32()), pa.array(["x", None, "y"]))
    assert column(runs) == ["x", "x", None, "y", "y"]
    assert column(runs, nulls="omit") == ["x", "x", "left out", "y", "y"]
    assert column(runs.slice(1, 3)) == ["x", None, "y"]


def test_keys_of_maps_are_strings_whatever_they_were():
    def keys(kind, *values):
        return list(column(pa.array([[(value, 1) for value in values]], pa.map_(kind, pa.int8())))[0])

    assert keys(pa.int64(), 1, -2) == ["1", "-2"]
    assert keys(pa.bool_(), True, False) == ["true", "false"]
    assert keys(pa.float64(), 0.5, float("nan"), float("-inf")) == ["0.5", "NaN", "-inf"]
    assert keys(pa.decimal128(5, 2), Decimal("1.50")) == ["1.50"]
    assert keys(pa.string(), 'a"b', "") == ['a"b', ""]
    assert keys(pa.date32(), 0) == ["1970-01-01"]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.month_day_nano_interval()),
        pa.struct([("a", pa.list_(pa.list_view(pa.int8())))]),
        pa.map_(pa.string(), pa.month_day_nano_interval()),
        pa.map_(pa.struct([("a", pa.int8())]), pa.int8()),
    ],
    ids=str,
)
def test_what_has_no_form_is_refused_at_any_depth_before_a_row_is_read(kind):
    with pytest.raises(UnsupportedColumnError, match="'c': no row JSON form"):
        open_source(pa.RecordBatchReader.from_batches(pa.schema([("c", kind)]), []))


def test_extensions_of_arrow_that_are_json_or_uuid_have_their_form():
    number = UUID("12345678-1234-5678-1234-567812345678")
    assert column(pa.array([number.bytes, None], pa.uuid())) == [str(number), None]
    document = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":[1]}', None]))
    assert column(document) == [{"a": [1]}, "left out"]
    assert column(document, nulls="omit") == [{"a": [1]}, "left out"]


LEFT_OUT = ""
"""What `objects` gives for a row whose key is left out."""


def objects(*values):
    """The JSON texts of an object column."""
    series = pd.Series(list(values), dtype=object)
    return [line[5:-1] for line in to_ndjson(pd.DataFrame({"c": series})).decode().split("\n")[:-1]]


def test_values_of_object_columns_keep_their_own_json():
    assert objects({"a": None}, {"b": "null\n"}, [], {}, None, float("nan"), pd.NA, ()) == [
        '{"a":null}',
        '{"b":"null\\n"}',
        "[]",
        "{}",
        LEFT_OUT,
        LEFT_OUT,
        LEFT_OUT,
        "[]",
    ]
    assert objects({"a": None}, {"a": float("nan"), "b": None}, [float("inf")]) == [
        '{"a":null}',
        '{"a":"NaN","b":null}',
        '["inf"]',
    ]
    assert objects(np.array([1.5, np.nan]), np.array([1, 2]), np.array(["x", None], object)) == [
        '[1.5,"NaN"]',
        "[1,2]",
        '["x",null]',
    ]


def test_leaves_and_keys_that_json_lacks_follow_the_contract():
    assert objects(
        {"d": Decimal("1.10"), "t": pd.NaT, "u": UUID(int=1)}, {"p": pd.Timestamp("2026-01-02")}
    ) == [
        '{"d":"1.10","t":null,"u":"00000000-0000-0000-0000-000000000001"}',
        '{"p":"2026-01-02T00:00:00.000000"}',
    ]
    assert objects({1: "x", 2.5: [2]}, {True: 0}, [3]) == ['{"1":"x","2.5":[2]}', '{"true":0}', "[3]"]


def test_columns_of_few_texts_beside_each_other_do_not_mix():
    rows = 500
    frame = {f"b{number}": (np.arange(rows) >> number) % 2 == 0 for number in range(9)}
    table = pa.table(frame | {"n": np.arange(rows) % 3, "s": pa.array(["x", None] * (rows // 2))})
    assert [json.loads(line) for line in to_ndjson(table).splitlines()] == table.to_pylist()
    left_out = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    assert [json.loads(line) for line in to_ndjson(table, nulls="omit").splitlines()] == left_out


def test_neighbouring_floats_keep_their_columns_nulls_and_names():
    rows = 10
    floats = {f"f{number}": pa.array([number + row / 7 for row in range(rows)]) for number in range(4)}
    floats["f1"] = pa.array([None if row % 3 == 0 else float(row) for row in range(rows)])
    floats["f2"] = pa.array(
        [[float("nan"), float("inf"), -float("inf"), None, 1.5][row % 5] for row in range(rows)]
    )
    lines = [json.loads(line) for line in to_ndjson(pa.table(floats)).splitlines()]
    assert [line["f0"] for line in lines] == floats["f0"].to_pylist()
    assert [line["f1"] for line in lines] == floats["f1"].to_pylist()
    assert [line["f2"] for line in lines] == ["NaN", "inf", "-inf", None, 1.5] * 2
    assert [line["f3"] for line in lines] == floats["f3"].to_pylist()


def cells(array):
    """The JSON texts of a column."""
    return [line[5:-1].decode() for line in to_ndjson(pa.table({"c": array})).splitlines()]


def test_floats_have_one_text_whatever_version_of_orjson_writes_them():
    """Versions differ in the plus of `1e+16`, and in nothing else."""
    assert without_plus(b"[1e+16,-1.5e+300,1e-7]") == without_plus(b"[1e16,-1.5e300,1e-7]")
    wide = [1e16, -1.5e300, 1e15, 123456789.125, 1e-7, 5e-324, 0.00001, -0.0]
    texts = ["1e16", "-1.5e300", "1000000000000000.0", "123456789.125", "1e-7", "5e-324", "0.00001", "-0.0"]
    assert cells(pa.array(wide)) == texts
    assert cells(pa.array([3e38, 1.5, 1e-9], pa.float32())) == ["3e38", "1.5", "1e-9"]
    halves = np.array([6e-8, 6e-5, 65504, 0.1, 1, np.nan, -np.inf], np.float16)
    wanted = ["6e-8", "0.00006", "65500.0", "0.1", "1.0", '"NaN"', '"-inf"']
    assert cells(pa.array(halves)) == wanted
    assert cells(pa.array([[value] for value in wide[:2]])) == ["[1e16]", "[-1.5e300]"]


def test_batches_stay_small_however_long_the_texts_or_the_values_of_a_dictionary_are():
    long = "x" * 100_000
    frame = pd.DataFrame({"C": pd.Series([long] * 3000, dtype=object)})
    table = pa.table({"C": pa.array([long, "y"] * 1500).dictionary_encode()})
    for source in (frame, table):
        sizes = [batch.num_rows for batch in open_source(source).batches()]
        assert sum(sizes) == 3000
        assert max(sizes) <= 2 * BATCH_BYTES // len(long)  # every second row is long, or all of them


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.string_view(), pa.binary_view(), pa.int64(), pa.list_(pa.int8())]
)
def test_runs_of_any_type_are_their_values_wherever_a_slice_begins(kind):
    values = {
        pa.string(): ["a", None, 'b"'],
        pa.string_view(): ["a", None, "b" * 20],
        pa.binary_view(): [b"a", None, b"b" * 20],
        pa.int64(): [1, None, 3],
        pa.list_(pa.int8()): [[1], None, []],
    }[kind]
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 7], pa.int32()), pa.array(values, kind))
    plain = pa.array([values[0]] * 2 + [values[1]] + [values[2]] * 4, kind)
    for start, length in ((0, 7), (1, 3), (2, 1), (4, 3), (7, 0)):
        for nulls in ("emit", "omit"):
            of_runs = to_ndjson(pa.table({"c": runs.slice(start, length)}), nulls=nulls)
            assert of_runs == to_ndjson(pa.table({"c": plain.slice(start, length)}), nulls=nulls)
