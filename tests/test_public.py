"""What users import: the names, the lightness of the import, the accessor's signatures, the errors."""

import copy
import inspect
import pickle
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import snowpipe_pandas as sp
from snowpipe_pandas import errors
from snowpipe_pandas.accessor import SnowpipeAccessor
from snowpipe_pandas.rows.encode.encoder import to_ndjson
from snowpipe_pandas.rows.sources.source import open_source

HEAVY = [
    "requests",
    "jwt",
    "cryptography",
    "ipywidgets",
    "duckdb",
    "starlette",
    "uvicorn",
    "sqlglot",
    "orjson",
]


def test_the_public_names_are_all_there_and_no_others():
    assert len(sp.__all__) <= 16
    assert sorted(sp.__all__) == dir(sp)
    for name in sp.__all__:
        assert getattr(sp, name).__module__.startswith("snowpipe_pandas")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sp.nothing


def test_the_import_registers_the_accessor_and_loads_nothing_heavy():
    code = f"""
import sys, pandas
import snowpipe_pandas
assert hasattr(pandas.DataFrame, "snowpipe")
print([name for name in {HEAVY} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def parameters(function):
    return {
        name: p.default
        for name, p in inspect.signature(function).parameters.items()
        if p.kind == p.KEYWORD_ONLY
    }


def test_the_accessors_other_methods_take_what_their_rooms_take():
    reading = parameters(open_source)
    del reading["patience_s"]  # of iterators, which a frame is not
    assert parameters(SnowpipeAccessor.to_ndjson) == parameters(to_ndjson) | reading
    del reading["binary_format"]  # no type depends on it
    assert parameters(SnowpipeAccessor.check) == reading | {"client": None, "nulls": "emit"}
    assert parameters(SnowpipeAccessor.estimate) == parameters(sp.estimate)


def classes():
    return [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, sp.SnowpipeError)]


def test_every_error_stands_in_the_tree_that_opens_the_module():
    for error in classes():
        assert error.__name__ in errors.__doc__


def test_errors_keep_their_facts_over_pickle_and_copy():
    error = errors.AuthenticationError(
        "no", status=401, code="390144", account="A", user="U", fingerprint="F"
    )
    error.load = errors.LoadFacts(
        target="T", load_id="load", channel="channel", rows_acknowledged=2, rows_in_table=1
    )
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
    large = pickle.loads(pickle.dumps(errors.RowTooLargeError(row=3, size=20, limit=10)))
    assert (large.row, large.size, large.limit) == (3, 20, 10)
    assert "row 3" in str(large)


def without(library, code):
    """Run code in a process in which a library can't be imported."""
    program = f"import sys; sys.modules[{library!r}] = None\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize("library", ["duckdb", "starlette", "uvicorn", "sqlglot", "trustme"])
def test_a_missing_library_of_an_extra_is_named_with_the_command_to_run(library):
    done = without(library, "import snowpipe_pandas as sp; sp.local()")
    assert "MissingDependencyError: the local account needs libraries" in done.stderr
    assert "pip install 'snowpipe-pandas[local]'" in done.stderr


def test_the_command_line_without_its_libraries_says_how_to_get_them():
    done = without("typer", "from snowpipe_pandas.cli import main; main()")
    assert done.returncode == 1
    assert "pip install 'snowpipe-pandas[cli,local]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_package_tells_type_checkers_that_it_has_types():
    assert files("snowpipe_pandas").joinpath("py.typed").is_file()


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench", "clean", "help"])
def test_make_has_the_target_and_help_tells_what_it_does(target):
    root = Path(__file__).parent.parent
    listed = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^{target} +\w", listed, re.MULTILINE)


def test_what_tab_shows_of_channels_and_targets_is_what_users_need(client, account):
    account.sql("CREATE TABLE DEMO.PUBLIC.T (ID NUMBER)")
    target = client.table("DEMO.PUBLIC.T")
    shown = {name for name in dir(target.open_channel("c")) if name[0] != "_"}
    assert shown == {
        "append_rows", "close", "drop", "events", "limits", "name", "pipe", "reopen", "status", "target",
        "target_columns", "tokens", "wait_for_commit",
    }  # fmt: skip
    assert {name for name in dir(target) if name[0] != "_"} == {
        "create", "elastic", "events", "loads", "name", "open_channel", "tokens",
    }  # fmt: skip
    assert {name for name in dir(target.elastic()) if name[0] != "_"} == {
        "events", "name", "pipe", "status", "target", "target_columns", "tokens",
    }  # fmt: skip


def test_limits_show_what_was_changed():
    assert repr(sp.LoadLimits()) == "LoadLimits()"
    assert repr(sp.LoadLimits(max_reopens=5)) == "LoadLimits(max_reopens=5)"
    assert eval(repr(sp.LoadLimits(first_raw_bytes=10)), {"LoadLimits": sp.LoadLimits}) == sp.LoadLimits(
        first_raw_bytes=10
    )
