"""Batches of rows: what one row holds, is named or spelled like costs that row only, and little time."""

import json
import time

import duckdb
import pytest

from snowpipe_pandas.embedded.ingest.parse import BAD_ROWS, insert_good, parse_rows
from snowpipe_pandas.embedded.protocol.channel import Chunk
from snowpipe_pandas.embedded.sql.declared import DeclaredColumn, duckdb_type
from snowpipe_pandas.embedded.sql.quoting import quoted


class Table:
    """A table in memory that takes batches as the committer does, without an account."""

    def __init__(self, *columns):
        self.columns = [DeclaredColumn(*column, *[True][len(column) - 2 :]) for column in columns]
        self.duckdb = duckdb.connect()
        self.duckdb.execute("SET TimeZone = 'UTC'; CREATE SEQUENCE s")
        declared = [
            f"{quoted(c.name)} {duckdb_type(c.type)}{f' DEFAULT {c.default}' if c.default else ''}"
            for c in self.columns
        ]
        self.duckdb.execute(f"CREATE TABLE T ({', '.join(declared)})")

    def take(self, *bodies, odd=None, mapping=None):
        """Insert what is good; return the problems of the others."""
        with self.duckdb.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            chunks = [Chunk(body, None, 0.0) for body in bodies]
            parsed = parse_rows(cursor, chunks, self.columns, odd, mapping)
            insert_good(cursor, parsed, "main.T")
            bad = cursor.execute(f"SELECT chunk, line, problem FROM ({BAD_ROWS}) ORDER BY number").fetchall()
            assert len(bad) == parsed.bad
            if bad:
                assert (parsed.last_bad_chunk, parsed.last_problem) == (bad[-1][0], bad[-1][2])
        return [problem for _, _, problem in bad]

    def rows(self):
        return self.duckdb.execute("SELECT * FROM T").fetchall()


def lines(*rows):
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def test_rows_of_many_appends_keep_their_order_whatever_is_special_in_some():
    table = Table(("ID", "NUMBER(38,0)"), ("S", "VARCHAR"))
    bodies = [lines(*({"ID": 10 * body + row, "S": "nanny"} for row in range(10))) for body in range(40)]
    bodies[7] = lines(*({"s": "[1]", "iD": 70 + row} for row in range(10)))
    bodies[9] = lines(b'{"ID":"x"}', *({"ID": 90 + row, "S": None} for row in range(10)), b"[1]")
    for _ in range(5):
        assert len(table.take(*bodies)) == 2
        assert [row[0] for row in table.rows()] == list(range(400))
        table.duckdb.execute("DELETE FROM T")


@pytest.mark.parametrize("filler", [0, 500])
def test_each_row_may_spell_a_name_in_its_own_way(filler):
    """Among few rows and among many of the usual spelling."""
    table = Table(("Name", "NUMBER(38,0)"), ("ID", "NUMBER(38,0)"))
    usual = [{"ID": 1}] * filler
    assert table.take(lines({"ID": 1}), lines({"id": 2}, {"iD": 3, "NAME": 3}), lines(*usual)) == []
    assert table.rows()[:3] == [(None, 1), (None, 2), (3, 3)]
    assert len(table.rows()) == 3 + filler
    assert table.take(lines({"ID": 1}, b'{"ID":1,"id":null}', {"NaMe": 1, "naME": 1}, *usual)) == [
        "column ID is there twice",
        "column Name is there twice",
    ]


def test_a_column_has_its_own_name_before_another_that_folds_to_it():
    table = Table(("ß", "NUMBER(38,0)"), ("SS", "NUMBER(38,0)"), ("É", "VARCHAR"), ("é", "VARCHAR"))
    assert table.take(lines({"ß": 1, "SS": 2, "é": "e", "É": "E"}, {"SS": 3, "ss": 4}, {"ss": 5})) == [
        "column SS is there twice"
    ]
    assert table.rows() == [(1, 2, "E", "e"), (None, 5, None, None)]


NAMES = [
    *("_raw", "_r0", "_c0_0", "c0", "line", "raw", "ok", "chunk", "number", "problem", "rowid", "_values"),
    *(
        "_snowpipe problem",
        "_keys",
        "why",
        "reason",
        "loose",
        "left_open",
        "keys",
        "key",
        "SELECT",
        "0",
        "1_",
    ),
    *('with "quotes"', "it's", "a.b", "$.a", "tab\tand\x01", "{}", "é€😀", "x" * 255),
]


def test_no_name_is_one_of_ours():
    table = Table(*((name, "NUMBER(38,0)") for name in NAMES))
    table.duckdb.execute(
        "CREATE TABLE _lines (x INT); CREATE TABLE _batch (x INT); CREATE TABLE _meant (x INT)"
    )
    row = {name: number for number, name in enumerate(NAMES)}
    other = {name.swapcase() if name.isascii() else name: number for name, number in row.items()}
    assert table.take(lines(row, row, other, {"_raw": "x"})) == [
        'column _raw: "x" is not a valid NUMBER(38,0)'
    ]
    assert table.rows() == [tuple(range(len(NAMES)))] * 3
    for name in NAMES:
        table.duckdb.execute("DELETE FROM T")
        assert table.take(lines({name: None}, {name: 5}, {name.upper(): "bad"}))[0].startswith("column ")
        assert sum(value is not None for row in table.rows() for value in row) == 1


ODD_LINES = {
    b'{"X":' + b"[" * 1200 + b'"Infinity"' + b"]" * 1200 + b"}": None,
    b'{"X":' + b"[" * 1200 + b"Infinity" + b"]" * 1200 + b"}": "JSON",
    b'{"X":"' + b"n" * 16_000_000 + b'"}': None,
    b'{"X":[nan]}': "JSON",
    b'{"X":-nan}': "JSON",
    b'{"S":Infinity}': "JSON",
    b'{"S":inf}': "JSON",
    b'{"B":nan}': "JSON",
    b'{"B":-Infinity}': "JSON",
    b'{"N":NaN}': "JSON",
    b'{"D":nan}': "JSON",
    b'{"F":nan}': "JSON",
    b'{"S":[1 , ]}': "JSON",
    b'{"X":{"a":1,}}': "JSON",
    b'{"N":1 ,\t}': "JSON",
    b'{"N":1,}\r': "JSON",
    b'{"N":"x",}': "JSON",
    b'{"S":"nan"}': None,
    b'{"S":"[1,]"}': None,
    b'{"S":"a,}"}': None,
    b'{"S":"infinity, and beyond"}': None,
    b'{"X":"\\ud800"}': "JSON",
    b'{"X":"\\u0000","S":"\\u0000"}': None,
    b'{"S":"\xff"}': "JSON",
    b'\xef\xbb\xbf{"N":1}': "JSON",
    b'{"N":1}\r': None,
    b' \t{"N":1} ': None,
    b"{}": None,
    b"[1]": "JSON",
    b"3": "JSON",
    b"null": "JSON",
    b'"x"': "JSON",
    b"}": "JSON",
    b"{": "JSON",
    b'{"N":1}{"N":2}': "JSON",
    b'{"\\u004e":1}': None,
    b'{"":1}': "no such column: ",
    b'{"\\u0000":1}': "no such column: \0",
    b'{"N":1,"N":1}': "column N is there twice",
}


@pytest.mark.parametrize("among", [0, 200], ids=["alone", "among others"])
def test_an_odd_line_costs_itself_only(among):
    columns = ("X", "VARIANT"), ("S", "VARCHAR"), ("N", "NUMBER(38,0)"), ("F", "FLOAT")
    table = Table(*columns, ("B", "BOOLEAN"), ("D", "DATE"))
    usual = [{"X": [1], "S": "a", "N": 1, "F": 1.5, "B": True, "D": "2026-01-02"}] * among
    expected_problems = {None: None, "JSON": "the line is not a valid JSON object"}
    for line, problem in ODD_LINES.items():
        expected = expected_problems.get(problem, problem)
        assert table.take(lines(*usual, line, *usual)) == ([] if expected is None else [expected]), line[:60]
        assert len(table.rows()) == 2 * among + (expected is None), line[:60]
        table.duckdb.execute("DELETE FROM T")
    problems = table.take(lines(*ODD_LINES), b"\n \r\n\t\n\r", lines(*usual))
    assert problems == [expected_problems.get(problem, problem) for problem in ODD_LINES.values() if problem]
    assert len(table.rows()) == len(ODD_LINES) - len(problems) + among


def test_an_absent_key_is_distinguished_from_a_written_null_among_rows_of_all_shapes():
    table = Table(
        ("A", "NUMBER(38,0)", True, "nextval('s')"), ("V", "VARIANT"), ("B", "NUMBER(38,0)", False, "7")
    )
    rows = [
        {"A": 100, "V": 1, "B": 1},
        {"V": None},
        {"a": None, "b": 2},
        {},
        {"B": None},
        {"A": None, "v": None},
    ]
    assert table.take(lines(*rows)) == ["column B is NOT NULL and has no value"]
    assert table.rows() == [
        (100, "1", 1),
        (1, "null", 7),
        (None, None, 2),
        (2, None, 7),
        (None, "null", 7),
    ]


def test_a_mapping_fills_columns_by_exact_keys_and_ignores_others():
    table = Table(("ID", "NUMBER(38,0)"), ("NAME", "VARCHAR"), ("AGE", "NUMBER(38,0)"))
    mapping = {"name": "ID", "ID": "NAME", "": "AGE"}
    rows = [
        {"name": 1, "ID": "one", "": 10},
        {"NAME": "ignored", "id": "ignored", "2": 5, "name": 2},
        {"2": 99, "other": [1]},
        b'{"name":3,"x":1,"x":2}',
        b'{"name":4,"name":5}',
        {"name": "x"},
    ]
    assert table.take(lines(*rows), mapping=mapping) == [
        "column ID is there twice",
        'column ID: "x" is not a valid NUMBER(38,0)',
    ]
    assert table.rows() == [(1, "one", 10), (2, None, None), (None, None, None), (3, None, None)]
    with pytest.raises(LookupError, match="GONE"):
        table.take(lines({"a": 1}), mapping={"a": "GONE"})


def seconds(work):
    """Processor time: what others do on the machine meanwhile counts for nothing."""
    started = time.process_time()
    work()
    return time.process_time() - started


def test_unknown_keys_cost_what_their_rows_cost():
    table = Table(("ID", "NUMBER(38,0)"))
    usual = lines(*({"ID": row} for row in range(100_000)))
    unknown = b"".join(b'{"c%d":1}\n' % row for row in range(100_000))
    expected = seconds(lambda: table.take(usual))
    problems = []
    taken = seconds(lambda: problems.extend(table.take(unknown)))
    assert problems == [f"no such column: c{row}" for row in range(100_000)]
    assert taken < 20 * expected  # a statement with all the keys in it took a hundred times as long
    (one,) = table.take(lines({f"{key}" + "k" * 1_000_000: 1 for key in range(13)}))
    assert one.startswith("no such column: 0kkk")
    assert one.endswith(" and 3 more")
    assert len(one) < 500


def test_one_bad_row_or_line_costs_the_others_little_time():
    table = Table(("ID", "NUMBER(38,0)"), ("S", "VARCHAR"), ("D", "DATE"), ("F", "FLOAT"))
    rows = [{"ID": row, "S": f"text {row}", "D": "2026-01-02", "F": row / 7} for row in range(40_000)]
    good = lines(*rows)
    bad = {b'{"ID":"x"}\n', b"nonsense\n", b'{"other":1}\n', b'{"id":"1e400","D":"no"}\n'}
    table.take(good)
    usual = min(seconds(lambda: table.take(good)) for _ in range(3))
    for line in bad:
        with_it = min(seconds(lambda line=line: table.take(good + line)) for _ in range(3))
        assert with_it < 3 * usual, line


def test_a_wide_table_takes_many_shapes():
    table = Table(*((f"C{number}", "NUMBER(38,0)") for number in range(1000)))
    rows = [{f"C{number}": number for number in range(row, 1000, 7)} for row in range(40)]
    assert table.take(lines(*rows, {f"c{number}": 1 for number in range(1000)})) == []
    assert [sum(value is not None for value in row) for row in table.rows()] == [*map(len, rows), 1000]
