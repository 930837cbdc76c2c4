"""Files as sources: what is named is found and read whole, or refused by the name of the file."""

import bz2
import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_pandas.errors import (
    DataError,
    DuplicateColumnError,
    EmptySourceError,
    SnowpipeError,
    UnsupportedColumnError,
)
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.csv_files import BLOCK_BYTES, LARGE_BLOCK_BYTES
from snowpipe_pandas.rows.sources.dicts import CHUNK_ROWS
from snowpipe_pandas.rows.sources.source import open_source

TABLE = pa.table({"ID": [1, 2, 3], "NAME": ["a", None, "ü"]})
NDJSON = '{"ID":1,"NAME":"a"}\n{"ID":2,"NAME":null}\n{"ID":3,"NAME":"ü"}\n'.encode()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Names are those of files in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(source, **options):
    return [json.loads(line) for line in to_ndjson(source, **options).splitlines()]


def write(name, content):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def parquet(name, table=TABLE, **options):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    pq.write_table(table, name, **options)


def refused(source, match, kind=DataError, **options):
    with pytest.raises(kind, match=match) as caught:
        to_ndjson(source, **options)
    return caught.value


WRITERS = {
    "x.parquet": lambda name: pq.write_table(TABLE, name),
    "x.feather": lambda name: feather.write_feather(TABLE, name),
    "x.arrow": lambda name: pl.from_arrow(TABLE).write_ipc(name, compression="zstd"),
    "x.ipc": lambda name: feather.write_feather(TABLE, name, compression="uncompressed"),
    "x.ndjson": lambda name: write(name, NDJSON),
    "x.jsonl": lambda name: write(name, NDJSON),
    "x.json": lambda name: write(name, NDJSON.replace(b"\n", b"\r\n")),
    "x.ndjson.gz": lambda name: write(name, gzip.compress(NDJSON)),
    "X.PARQUET": lambda name: pq.write_table(TABLE, name),
    "v1.2.parquet": lambda name: pq.write_table(TABLE, name),
    "größe ☃.parquet": lambda name: pq.write_table(TABLE, name),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_gives_its_rows(folder, name):
    WRITERS[name](name)
    for source in (name, folder / name, [name], (folder / name,), "*.*", str(folder)):
        assert to_ndjson(source) == NDJSON
    lines_only = "json" in name.lower()
    assert open_source(name).total_rows == (None if lines_only else 3)
    assert open_source(name).cuttable is not lines_only


def test_the_files_of_a_folder_or_a_glob_are_sorted_and_hidden_ones_left_out():
    for number, name in enumerate(["b/1", "a/2", "a/10", "a/.hidden", "a/_part", "_temporary/0", ".git/0"]):
        parquet(f"data/{name}.parquet", pa.table({"N": [number]}))
    write("data/_SUCCESS", "")
    write("data/.a.crc", "x")
    for source in ("data", "data/**/*.parquet", "data/*", "data/"):
        assert [row["N"] for row in rows(source)] == [2, 1, 0], source
    assert [row["N"] for row in rows("data/a/_*.parquet")] == [4]
    assert [row["N"] for row in rows(["data/b", "data/a/2.parquet"])] == [0, 1]
    assert [row["N"] for row in rows("data/_temporary")] == [5]


def test_a_folder_named_as_a_file_is_a_folder():
    parquet("x.parquet/part-0.parquet")
    assert to_ndjson("x.parquet") == NDJSON
    assert to_ndjson("*.parquet") == NDJSON


def test_a_name_with_the_signs_of_a_glob_is_a_name_first():
    parquet("a[1].parquet")
    assert to_ndjson("a[1].parquet") == NDJSON


def test_the_home_folder_has_its_short_name(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    parquet("x.parquet")
    assert to_ndjson("~/x.parquet") == NDJSON


def test_links_are_followed_but_not_in_circles(folder):
    parquet("data/x.parquet")
    os.symlink(folder / "data/x.parquet", folder / "link.parquet")
    os.symlink(folder / "data", folder / "to_data")
    assert to_ndjson("link.parquet") == to_ndjson("to_data") == NDJSON
    os.symlink(folder / "data", folder / "data/again")
    refused("data", "'data/again' leads back")
    os.remove("data/again")
    os.symlink("nowhere", "data/y.parquet")
    refused("data", "'data/y.parquet' can't be read|No such file")


def test_a_process_that_moves_reads_the_files_it_opened(folder, monkeypatch):
    parquet("x.parquet")
    source = open_source("x.parquet")
    (folder / "other").mkdir()
    monkeypatch.chdir(folder / "other")
    assert sum(batch.num_rows for batch in source.batches()) == 3


NO_FILES = {
    "nothing": ("data/x.parquet", "no file matches 'data/x.parquet'"),
    "no match": ("nix-*.csv", r"no file matches 'nix-\*.csv'"),
    "an empty name": ("", "no file matches ''"),
    "a statement": ("SELECT 1", "no file matches"),
    "a long text": ("x" * 5000, "no file matches '...xxx"),
    "a long name": ("x" * 300 + "*.csv", "no file matches"),
    "a NUL": ("a\0b", "line breaks is not a path"),
    "content": ("A,B\n1,2\n", r"8 characters with line breaks is not a path; .*StringIO"),
    "a surrogate": ("\ud800.csv", "no file matches|can't be read"),
    "a bucket": ("s3://key:secret@bucket/x.parquet", r"s3:// URL .* pyarrow\.dataset\.dataset\(url\)"),
    "the web": ("HTTPS://host/x.csv?sig=secret", r"https:// URL .* pd\.read_csv\(url, dtype=str\)"),
    "a file URL": ("file:///x.csv", "give the path alone"),
    "a device": ("/dev/zero", "a device, a pipe or a socket"),
    "an iterator of paths": (iter(["x.csv"]), r"part 0 .* sorted\(paths\)"),
    "paths and more": (["x.csv", 7], "no file matches 'x.csv'"),
    "bytes": (b"x.csv", "bytes is not tabular"),
    "a list of bytes": ([b"x.csv"], "part 0 .* bytes is not tabular"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_what_names_no_file_is_refused_with_what_to_do(name):
    source, match = NO_FILES[name]
    assert "secret" not in str(refused(source, match))


def test_what_is_not_a_path_in_a_list_of_paths_is_refused():
    parquet("x.parquet")
    refused(["x.parquet", 7], "item of type int")
    refused(["x.parquet", b"x.parquet"], "item of type bytes")
    refused(["x.parquet", TABLE], "item of type Table")


OTHER_SUFFIXES = {
    "x.xlsx": r"pd\.read_excel\(path\)",
    "x.pkl": r"pd\.read_pickle",
    "x.tsv": r"sep=\"\\t\", dtype=str",
    "x.parquet.gz": r"pyarrow\.dataset\.dataset\(path, format=\.\.\.\)",
    "x": r"pyarrow\.dataset\.dataset\(path, format=\.\.\.\)",
    "x.gz": r"pyarrow\.dataset\.dataset\(path, format=\.\.\.\)",
    "README.md": r"'README.md' has no suffix of a known format",
}


@pytest.mark.parametrize("name", OTHER_SUFFIXES)
def test_an_unknown_suffix_is_refused_with_those_that_are_known(name):
    write(name, "x")
    refused(name, OTHER_SUFFIXES[name])
    refused(".", r"\.parquet, \.csv, .*\.gz")


def test_formats_do_not_mix():
    parquet("data/a.parquet")
    write("data/b.csv", "ID,NAME\n1,a\n")
    refused("data", r"'data/a.parquet' is Parquet, 'data/b.csv' is CSV; .*'data/\*.parquet'")
    write("c/a.csv", "ID\n1\n")
    write("c/b.csv.gz", gzip.compress(b"ID\n2\n"))
    assert rows("c") == [{"ID": "1"}, {"ID": "2"}]


def test_a_file_is_not_sent_twice(folder):
    parquet("data/x.parquet")
    refused(["data", folder / "data/x.parquet"], "'data/x.parquet' is named twice")
    os.symlink(folder / "data/x.parquet", folder / "data/y.parquet")
    refused("data", "'data/y.parquet' is named twice")


def test_a_folder_without_files_is_refused():
    os.makedirs("data/inner")
    write("data/_SUCCESS", "")
    refused("data", "the folder 'data' has no files")


def test_partitions_are_not_dropped_in_silence():
    parquet("data/year=2026/x.parquet")
    refused("data", r"'data/year=2026' .*partitioning=\"hive\"")
    assert to_ndjson("data/**/*.parquet") == to_ndjson("data/year=2026") == NDJSON
    assert b'"year":2026' in to_ndjson(ds.dataset("data", partitioning="hive"))


def test_a_file_has_no_index():
    parquet("x.parquet")
    refused("x.parquet", "index=True needs a pandas DataFrame", index=True)


def test_names_are_checked_and_changed_as_those_of_frames():
    parquet("x.parquet")
    assert rows("x.parquet", columns={"ID": "key"}, column_case="upper")[0] == {"KEY": 1, "NAME": "a"}
    write("x.csv", "A,a\n1,2\n")
    refused("x.csv", "differ only in case", DuplicateColumnError)
    write("y.csv", "A,A\n1,2\n")
    refused("y.csv", "not unique", DuplicateColumnError)


# Parquet and Arrow IPC


def test_types_of_files_become_one_where_no_value_changes():
    nothing = pa.nulls(2)
    small, large = pa.array([1, 2], pa.int16()), pa.array([10**12, 4])
    for number, (ints, floats, texts) in enumerate(
        [
            (nothing, small, pa.array(["a", "b"], pa.large_string())),
            (small, pa.array([1.5, 2]), pa.array(["c", None]).dictionary_encode()),
            (large, nothing, nothing),
        ]
    ):
        parquet(f"{number}.parquet", pa.table({"I": ints, "F": floats, "T": texts}))
    parquet("3.parquet", pa.table({"T": ["z"], "F": [7.0], "I": pa.array([None], pa.int64())}))
    source = open_source("*.parquet")
    assert source.total_rows == 7
    assert to_ndjson("*.parquet").decode().splitlines() == [
        '{"I":null,"F":1.0,"T":"a"}',
        '{"I":null,"F":2.0,"T":"b"}',
        '{"I":1,"F":1.5,"T":"c"}',
        '{"I":2,"F":2.0,"T":null}',
        '{"I":1000000000000,"F":null,"T":null}',
        '{"I":4,"F":null,"T":null}',
        '{"I":null,"F":7.0,"T":"z"}',
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.array([1]), pa.array(["1"])),
        (pa.array([1.5]), pa.array([Decimal("1.5")])),
        (pa.array([0], pa.timestamp("us")), pa.array([0], pa.timestamp("us", "UTC"))),
        (pa.array([{"a": 1}]), pa.array([{"b": 1}])),
        (pa.array([[1]]), pa.array([[1.5]])),
        (pa.array([True]), pa.array([1])),
    ],
    ids=str,
)
def test_types_that_do_not_go_together_are_refused_before_a_row_is_read(before, after):
    parquet("a.parquet", pa.table({"N": [1], "V": before}))
    parquet("b.parquet", pa.table({"N": [1], "V": after}))
    with pytest.raises(
        DataError, match=r"column 'V' is .* in the file 'b.parquet', .* in those before"
    ) as caught:
        open_source(["a.parquet", "b.parquet"])
    assert caught.value.columns == ("V",)


def test_a_value_that_the_common_type_does_not_hold_is_refused_with_its_file():
    parquet("a.parquet", pa.table({"V": [2**53 + 1]}))
    parquet("b.parquet", pa.table({"V": [0.5]}))
    error = refused("*.parquet", "the file 'a.parquet': column 'V' is int64")
    assert error.columns == ("V",)


def test_other_columns_are_refused_with_both_files():
    parquet("a.parquet")
    parquet("b.parquet", TABLE.append_column("MORE", pa.array([1, 2, 3])).drop_columns(["ID"]))
    error = refused(
        "*.parquet", r"'b.parquet' has columns that 'a.parquet' lacks: \['MORE'\] and lacks .*\['ID'\]"
    )
    assert error.columns == ("MORE",)


def test_files_and_row_groups_without_rows():
    parquet("0.parquet", TABLE[:0])
    with pq.ParquetWriter("1.parquet", TABLE.schema) as writer:
        for part in (TABLE[:0], TABLE[:1], TABLE[:0], TABLE[1:], TABLE[:0]):
            writer.write_table(part)
    parquet("2.parquet", TABLE[:0])
    source = open_source("*.parquet")
    assert source.total_rows == 3
    assert to_ndjson("*.parquet") == NDJSON
    assert to_ndjson("0.parquet") == b""
    feather.write_feather(TABLE[:0], "x.arrow")
    assert to_ndjson("x.arrow") == b""
    parquet("none.parquet", pa.table({}))
    refused("none.parquet", "no columns", EmptySourceError)


def test_a_type_without_a_form_is_refused():
    feather.write_feather(pa.table({"V": pa.array([None], pa.month_day_nano_interval())}), "x.arrow")
    refused("x.arrow", "'V'", UnsupportedColumnError)


def test_what_is_cut_off_or_another_thing_is_refused_with_its_file():
    for name in ("x.parquet", "x.arrow"):
        WRITERS[name](name)
        with open(name, "rb") as file:
            content = file.read()
        for cut in (0, 3, len(content) // 2, len(content) - 1):
            write(name, content[:cut])
            refused(name, f"the file '{name}'")
    write("y.parquet", "ID,NAME\n1,a\n")
    refused("y.parquet", "the file 'y.parquet' can't be read")
    pl.from_arrow(TABLE).write_ipc_stream("s.arrow")
    refused("s.arrow", r"pa\.ipc\.open_stream\(path\)")


def test_a_page_that_is_damaged_is_reported_with_its_file():
    parquet("x.parquet", pa.table({"V": range(1000)}), compression="zstd", use_dictionary=False)
    place = pq.ParquetFile("x.parquet").metadata.row_group(0).column(0)
    with open("x.parquet", "r+b") as file:
        file.seek(place.data_page_offset)
        file.write(bytes(place.total_compressed_size))
    refused("x.parquet", "the file 'x.parquet' can't be read")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.csv"])
def test_a_file_that_vanishes_or_changes_before_it_is_read_is_reported(name):
    def make(content):
        if name == "x.csv":
            write(name, content.to_pandas().to_csv(index=False))
        else:
            WRITERS[name](name) if content is TABLE else feather.write_feather(content, name)

    make(TABLE)
    source = open_source(name)
    make(TABLE[:2])
    with pytest.raises(DataError, match=f"'{name}' changed while it was read"):
        list(source.batches())
    os.remove(name)
    with pytest.raises(DataError, match=f"the file '{name}' can't be read: FileNotFoundError"):
        list(source.batches())


def test_a_file_that_grows_while_it_is_read_is_reported():
    write("x.csv", "A\n1\n")
    batches = open_source("x.csv").batches()
    next(batches)
    with open("x.csv", "a") as file:
        file.write("2\n")
    with pytest.raises(DataError, match="'x.csv' changed while it was read"):
        next(batches)


# CSV


def test_a_field_of_csv_arrives_as_it_is_in_the_file():
    fields = [
        "007",
        "1.10",
        "12345678901234567890",
        "+5",
        "1e5",
        "NaN",
        "NA",
        "null",
        " x ",
        "true",
        "2026-1-2",
    ]
    write("x.csv", "V,W\n" + "".join(f"{field},1\n" for field in fields))
    assert [row["V"] for row in rows("x.csv")] == fields
    assert open_source("x.csv").total_rows is None


def test_only_a_field_without_anything_is_null():
    write("x.csv", 'A,B\n,""\n"",\n')
    assert rows("x.csv") == [{"A": None, "B": ""}, {"A": "", "B": None}]


CSV_FORMS = {
    "a mark of UTF-8": ("\ufeffA,B\n1,2\n", [{"A": "1", "B": "2"}]),
    "CRLF": ("A,B\r\n1,2\r\n", [{"A": "1", "B": "2"}]),
    "line breaks in quotes": ('A,B\r\n"x\r\ny","\n"\r\n', [{"A": "x\r\ny", "B": "\n"}]),
    "quotes and commas": ('A,"B,""C"""\n"a,b","say ""x"""\n', [{"A": "a,b", 'B,"C"': 'say "x"'}]),
    "no line break at the end": ("A,B\n1,2", [{"A": "1", "B": "2"}]),
    "a quoted end": ('A,B\n1,"2\n"', [{"A": "1", "B": "2\n"}]),
    "a quoted end with a line break": ('A,B\n1,"2"\n', [{"A": "1", "B": "2"}]),
    "empty lines": ("\nA,B\n\n1,2\n\n\n", [{"A": "1", "B": "2"}]),
    "empty lines of one column": ("A\n\n1\n\n", [{"A": None}, {"A": "1"}, {"A": None}]),
    "a header alone": ("A,B\n", []),
    "a header without a line break": ("A,B", []),
    "names in other scripts": ("größe,名\n1,☃\n", [{"größe": "1", "名": "☃"}]),
    "an empty row in quotes": ('A\n""\n', [{"A": ""}]),
}


@pytest.mark.parametrize("name", CSV_FORMS)
def test_forms_of_csv(name):
    content, expected = CSV_FORMS[name]
    write("x.csv", content)
    write("x.csv.gz", gzip.compress(content.encode()))
    write("x.csv.bz2", bz2.compress(content.encode()))
    for file in ("x.csv", "x.csv.gz", "x.csv.bz2"):
        assert rows(file) == expected


BROKEN_CSV = {
    "no bytes": (b"", "is empty, without even a header"),
    "blanks": (b"\n\n", "can't be read"),
    "more fields": (b"A,B\n1,2\n1,2,3\n", r"Row #3: Expected 2 columns, got 3.*pd\.read_csv"),
    "fewer fields": (b"A,B\n1,2\n1", "Row #3: Expected 2 columns, got 1"),
    "an open quote": (b'A,B\n1,"x\n2,3\n', "ends within quotes"),
    "an open quote at the end": (b'A,B\n1,"', "ends within quotes"),
    "an open quote of one column": (b'A\n"x\n', "ends within quotes"),
    "Latin 1": ("A,B\n1,é\n".encode("latin-1"), r"Row #2: .*invalid UTF8 data; .*encoding="),
    "UTF-16": ("A,B\n1,2\n".encode("utf-16"), r"UTF-16: .*encoding=\"utf-16\""),
    "semicolons": (b"A;B\n1;2\n", r"one column, 'A;B', .*sep=';', dtype=str"),
    "tabs": (b"A\tB\n1\t2\n", r"sep='\\t', dtype=str"),
    "a column without a name": (b"A,\n1,2\n", "name"),
}


@pytest.mark.parametrize("name", BROKEN_CSV)
def test_csv_that_is_broken_is_refused_with_its_file(name):
    content, match = BROKEN_CSV[name]
    write("x.csv", content)
    refused("x.csv", match)
    write("x.csv.gz", gzip.compress(content))
    refused("x.csv.gz", match)


@given(st.lists(st.text('a",\n', max_size=4), min_size=1, max_size=4), st.sampled_from(["", "\n", "\r\n"]))
@settings(max_examples=300, deadline=None)
def test_a_quote_that_is_left_open_is_seen_and_one_that_is_closed_is_none(tmp_path_factory, values, ending):
    path = tmp_path_factory.mktemp("any") / "x.csv"
    lines = ["N,A", *('1,"' + value.replace('"', '""') + '"' for value in values)]
    path.write_text("\n".join(lines) + ending, newline="")
    assert [row["A"] for row in rows(path)] == values
    path.write_text("\n".join(lines)[:-1] + ending, newline="")
    refused(path, "ends within quotes")


def test_a_process_that_ends_while_csv_is_read_ends_well():
    write("x.csv", "A,B\n" + "1,2\n" * 3_000_000)
    code = (
        "from snowpipe_pandas.rows.sources.source import open_source\n"
        "batches = open_source('x.csv').batches()\n"
        "next(batches)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_compressed_csv_that_is_cut_off_is_refused():
    whole = gzip.compress(b"A\n" + b"".join(b"%d\n" % number for number in range(10_000)))
    write("x.csv.gz", whole[:-100])
    refused("x.csv.gz", "the file 'x.csv.gz' can't be read: .*Truncated")
    write("y.csv.gz", gzip.compress(b"A\n1\n") + gzip.compress(b"2\n"))
    assert rows("y.csv.gz") == [{"A": "1"}, {"A": "2"}]
    write("z.csv.gz", b"A\n1\n")
    refused("z.csv.gz", "the file 'z.csv.gz' can't be read")


def test_files_of_csv_match_by_the_names_of_their_columns():
    write("a.csv", "A,B\n1,2\n")
    write("b.csv", "B,A\n3,4\n")
    assert rows("*.csv") == [{"A": "1", "B": "2"}, {"A": "4", "B": "3"}]
    write("c.csv", "A,C\n5,6\n")
    refused("*.csv", r"'c.csv' has columns that 'a.csv' lacks: \['C'\] and lacks columns of 'a.csv': \['B'\]")


def test_line_breaks_in_quotes_may_be_where_blocks_meet():
    values = [f"{number}\n\n{'x' * (number % 90)}\n" for number in range(50_000)]
    write("x.csv", "N,A\n" + "".join(f'1,"{value}"\n' for value in values))
    assert os.path.getsize("x.csv") > 2 * BLOCK_BYTES
    assert [row["A"] for row in rows("x.csv")] == values


def test_rows_longer_than_a_block_are_read_in_larger_ones():
    long = "x" * (BLOCK_BYTES + 1)
    lines = [f"{number},y\n" for number in range(300_000)]
    lines.insert(200_000, f'200000,"{long}"\n')
    write("x.csv", "A,B\n" + "".join(lines))
    found = [batch.to_pydict() for batch in open_source("x.csv").batches()]
    assert [value for part in found for value in part["A"]] == [line.split(",")[0] for line in lines]
    assert sum(len(value) for part in found for value in part["B"]) == 300_000 + len(long)
    write("y.csv", "A,B\n1,2\n1," + "x" * (2 * LARGE_BLOCK_BYTES + 1))
    refused("y.csv", "the file 'y.csv' can't be read: .*straddl")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)


@given(
    st.lists(st.tuples(st.none() | texts, texts), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
@settings(max_examples=200, deadline=None)
def test_any_text_comes_out_of_csv_as_it_went_in(tmp_path_factory, values, ending, last):
    def field(value):
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    lines = ["A,B", *(",".join(map(field, row)) for row in values)]
    path = tmp_path_factory.mktemp("any") / "x.csv"
    path.write_bytes((ending.join(lines) + (ending if last else "")).encode())
    assert [(row["A"], row["B"]) for row in rows(path)] == values


# NDJSON


def test_a_value_of_ndjson_arrives_whole():
    write(
        "x.ndjson",
        '{"N":12345678901234567890123,"D":0.12345678901234567891,"F":1.5,"S":"2026-01-02","J":{"x":[1,null,2.5]}}\n'
        "\n"
        '{"N":1,"D":2,"F":null,"S":"\\u00fc\\u0000","J":null}\r\n',
    )
    assert to_ndjson("x.ndjson").decode().splitlines() == [
        '{"N":"12345678901234567890123","D":"0.12345678901234567891","F":1.5,"S":"2026-01-02","J":{"x":[1,null,2.5]}}',
        '{"N":"1","D":"2","F":null,"S":"ü\\u0000"}',
    ]


def test_keys_that_a_row_lacks_are_missing_values():
    write("x.ndjson", '{"A":1}\n{"B":2}\n')
    assert rows("x.ndjson") == [{"A": 1, "B": None}, {"A": None, "B": 2}]


BROKEN_NDJSON = {
    "no JSON": ('{"A":1}\n\n{"A":}\n', "line 3, is not a JSON object"),
    "cut off": ('{"A":1}\n{"A"', "line 2, is not a JSON object"),
    "an array": ('[{"A":1}]', r"is not a JSON object but of type list; .*json\.load\(open\(path\)\)"),
    "an object over lines": ('{\n"A":1\n}', "on a line of its own"),
    "a number": ("1\n", "not a JSON object but of type int"),
    "a key twice": ('{"A":1,"A":2}\n', "has the key 'A' twice"),
    "an inner key twice": ('{"A":{"B":1,"B":2}}\n', "has the key 'B' twice"),
    "NaN": ('{"A":NaN}\n', "NaN is not a number in JSON"),
    "more digits than a float": (
        '{"A":{"B":[0.12345678901234567891]}}',
        "line 1: 0.12345678901234567891 in column 'A'",
    ),
    "out of the range of floats": ('{"A":[1e400]}', r"line 1: 1E\+400 in column 'A'"),
    "too small for a float": ('{"A":[1e-400]}', r"line 1: 1E-400 in column 'A'"),
    "no UTF-8": (b'{"A":"\xe9"}\n', "line 1, is not a JSON object"),
    "depth": ('{"A":' + "[" * 200_000, "line 1, is not a JSON object"),
    "mixed types": ('{"A":1}\n{"A":"x"}\n', "row 1 .*str"),
}


@pytest.mark.parametrize("name", BROKEN_NDJSON)
def test_ndjson_that_is_broken_is_refused_with_its_line(name):
    content, match = BROKEN_NDJSON[name]
    write("x.ndjson", content)
    refused("x.ndjson", match)


def test_ndjson_without_rows_has_no_columns():
    write("a.ndjson", "")
    refused("a.ndjson", "no rows, so their columns are not known", EmptySourceError)
    write("b.ndjson", '\ufeff{"A":1}')
    assert rows("*.ndjson") == [{"A": 1}]


def test_ndjson_whose_types_drift_is_refused_with_file_and_line():
    write("x.ndjson", '{"A":1}\n' * CHUNK_ROWS + '{"A":"x"}\n')
    refused("x.ndjson", r"from line 10,001 on, the file 'x.ndjson': column 'A' .*\[json\.loads\(line\)")
    write("y.ndjson", '{"A":1}\n' * CHUNK_ROWS + '{"A":1,"B":2}\n')
    refused("y.ndjson", r"from line 10,001 on, the file 'y.ndjson' has columns .*\['B'\]")
    write("z.ndjson", '{"A":null}\n' * CHUNK_ROWS + '{"A":"x"}\n')
    assert rows("z.ndjson")[-1] == {"A": "x"}
    write("0.ndjson", '{"A":1}\n')
    refused(["0.ndjson", "x.ndjson"], "from line 10,001 on, the file 'x.ndjson'")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(json_values, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_json_comes_out_as_it_went_in(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("any") / "x.ndjson"
    path.write_text("".join(json.dumps({"V": {"v": value}}) + "\n" for value in values), "utf-8")
    assert [row["V"]["v"] for row in rows(path)] == values


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_as_a_source_is_an_error_of_ours(text):
    if not os.path.lexists(text.replace("\0", "") or "x"):
        with pytest.raises(SnowpipeError):
            open_source(text)


def test_a_frame_that_was_written_as_parquet_is_the_frame():
    frame = pd.DataFrame(
        {"A": [1, 2], "T": pd.to_datetime(["2026-01-02", None]), "C": pd.Categorical(["x", "y"])}
    )
    frame.to_parquet("x.parquet")
    assert to_ndjson("x.parquet") == to_ndjson(frame)
