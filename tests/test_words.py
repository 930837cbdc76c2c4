"""Words that agree with their numbers, in every message of the package."""

import ast
import re
from pathlib import Path

import pytest

import snowpipe_pandas
from snowpipe_pandas.display import texts
from snowpipe_pandas.load_facts import LoadFacts, RejectedRow, UnorderedLoadFacts
from snowpipe_pandas.rest.known_loads import KnownLoad
from snowpipe_pandas.shown import acknowledged_up_to, committed_up_to, counted, size, speed
from snowpipe_pandas.streaming.progress import Progress
from snowpipe_pandas.streaming.result import StreamResult
from snowpipe_pandas.streaming.timings import Timings

PACKAGE = Path(snowpipe_pandas.__file__).parent
PLURAL = re.compile(
    r" (?:new |file )?(?:rows|requests|retries|tries|channels|columns|values|bytes|characters|parts|"
    r"statements|days|minutes|hours|seconds|bits|files|keys|measures|tokens|texts|connections|fragments|names|loads|jobs|"
    r"partitions|parameters)\b"
)

ALWAYS_SEVERAL = {
    # Each of these is above 1 whenever the message is written.
    ("auth/keys.py", "key.key_size"),
    ("cli/demo.py", "len(report)"),
    ("embedded/ingest/evolution.py", "len(new)"),
    ("embedded/protocol/file_fragments.py", "len(fragments)"),
    ("embedded/protocol/limits.py", "body_limit(operation)"),
    ("embedded/protocol/stage.py", "len(content)"),
    ("embedded/refusals.py", "limit"),
    ("embedded/refusals.py", "asked"),
    ("rest/fields.py", "len(value)"),
    ("rows/sources/names.py", "len(name)"),
    ("rows/sources/paths.py", "len(text)"),
    ("sql/statements.py", "size"),
    ("errors/usage.py", "size"),
    ("errors/usage.py", "limit"),
    ("streaming/estimate.py", "self.minutes"),
    ("partitions/spec.py", "number"),
    ("proof/verification.py", "compared"),
}
NO_NUMBERS = {("streaming/failures.py", "wrong"), ("streaming/replacement.py", "self.rows")}
"""Fields that are texts, and one that is read back from a comment."""


def fields_before_plurals():
    """Every field of an f-string that a word follows which looks like a plural, with its module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                for field, text in zip(node.values, node.values[1:], strict=False):
                    if not (isinstance(field, ast.FormattedValue) and isinstance(text, ast.Constant)):
                        continue
                    if PLURAL.match(text.value) and field.conversion == -1:
                        yield path.relative_to(PACKAGE).as_posix(), ast.unparse(field.value)


def test_no_message_puts_a_plural_after_a_number_that_may_be_one():
    found = {(path, field) for path, field in fields_before_plurals() if not is_constant(field)}
    assert found <= ALWAYS_SEVERAL | NO_NUMBERS


def is_constant(field):
    return field.strip("_").isupper()


def result(rows, **changes):
    values = {
        "rows_in_table": rows,
        "rows_acknowledged": rows,
        "rows_sent": rows,
        "raw_bytes": 8 * rows,
        "sent_bytes": 20 * rows,
        "requests": rows,
        "retries": rows,
        "seconds": 0.1,
        "timings": Timings(),
        "committed": True,
        "offset_token": None,
        "target": "T",
        "load_id": "x",
        "channel": "c",
    }
    return StreamResult(**values | changes)


def progress(rows, total=None):
    return Progress(
        target="T",
        load_id="x",
        channel="c",
        account="A",
        user="U",
        fingerprint="",
        rows_total=total,
        rows_in_table=rows,
        rows_acknowledged=rows,
        phase="done",
    )


def facts(rows):
    return LoadFacts(
        target="T",
        load_id="x",
        channel="c",
        rows_acknowledged=rows,
        rows_in_table=rows,
        rows_rejected=rows,
        failed_rows=(0, rows),
    )


def unordered(rows):
    return UnorderedLoadFacts(
        target="T",
        load_id="x",
        channel="c",
        rows_acknowledged=rows,
        rows_in_table=rows,
        durable_rows=((0, rows),),
        unknown_rows=((0, rows),),
    )


WRITERS = {
    "result": lambda n: str(result(n)),
    "waiting": lambda n: str(result(n, rows_in_table=0)),
    "table": lambda n: result(n)._repr_html_(),
    "facts": lambda n: str(facts(n)),
    "unordered facts": lambda n: str(unordered(n)),
    "rows": lambda n: texts.rows(progress(n)),
    "rows of a total": lambda n: texts.rows(progress(n, n)),
    "numbers": lambda n: " ".join(texts.numbers(progress(n, n))),
    "loads": lambda n: str(
        KnownLoad(load_id="x", channels=("c",) * n, rows_total=n, rows_committed=n, begun=None)
    ),
    "rejected row": lambda n: str(RejectedRow(first_row=0, end_row=n, column=None, value="1", reason="no")),
    "counted": lambda n: " ".join([counted(n, "row"), counted(n, "retry", "retries")]),
}
ONE_OF_SEVERAL = re.compile(r"(?<![\d,.])1 (?:rows|requests|retries|channels|tries)\b|\b1 wait ")
SEVERAL_OF_ONE = re.compile(r"(?<![\d,.])(?:0|2) (?:row|request|retry|channel|try)\b|\b2 waits ")


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("name", WRITERS)
def test_none_one_and_two_have_their_forms(name, number):
    if number == 0 and name in ("unordered facts", "rejected row", "facts"):
        number = 2  # a range is never empty
    written = WRITERS[name](number)
    assert not ONE_OF_SEVERAL.search(written), written
    assert not SEVERAL_OF_ONE.search(written), written
    assert "None" not in written
    assert "0.0 MB" not in written


def test_nothing_is_committed_up_to_none():
    assert (committed_up_to(None), acknowledged_up_to(None)) == (
        "nothing committed yet",
        "nothing acknowledged yet",
    )
    assert committed_up_to("x:7") == "committed up to 'x:7'"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 B"), (1, "1 B"), (99, "99 B"), (120, "0.1 kB"), (2e6, "2.0 MB")]
)
def test_no_size_and_no_speed_above_nothing_is_written_as_nothing(count, expected):
    assert size(count) == expected
    assert speed(count) == f"{expected}/s"
