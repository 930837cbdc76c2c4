"""`frame.snowpipe` on polars' frames: whichever is imported first, and without an import of polars by us."""

import subprocess
import sys

import polars as pl
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.accessor import SnowpipeAccessor
from snowpipe_pandas.errors import UsageError

FRAME = pl.DataFrame({"CARRIER": ["UA", None, "B6"], "DELAY": [2.0, -4.5, None]})


def run(code, folder=None):
    """Run code in a process of its own, in which warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "import polars as pl; import snowpipe_pandas",
        "import snowpipe_pandas; import polars as pl",
        "import snowpipe_pandas, importlib; importlib.reload(snowpipe_pandas); import polars as pl",
        "import polars as pl, snowpipe_pandas, importlib; importlib.reload(snowpipe_pandas)",
    ],
)
def test_the_order_of_imports_does_not_matter(imports):
    code = f"{imports}\nprint(pl.DataFrame({{'A': [1]}}).snowpipe.to_ndjson())"
    assert run(code + "; print(pl.LazyFrame({'A': [2]}).snowpipe.to_ndjson())").split("\n") == [
        "b'{\"A\":1}\\n'",
        "b'{\"A\":2}\\n'",
    ]


def test_the_import_of_the_package_does_not_import_polars():
    assert run("import sys, snowpipe_pandas; print('polars' in sys.modules)") == "False"


def test_an_import_of_polars_leaves_nothing_behind():
    code = """
import sys, snowpipe_pandas
def waiting(): return sum(type(finder).__module__.startswith("snowpipe") for finder in sys.meta_path)
before = waiting()
import polars
print(before, waiting(), "exec_module" in vars(polars.__spec__.loader))
"""
    assert run(code) == "1 0 False"


def test_another_module_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "polars.py").write_text("api = 'something else'")
    assert run("import snowpipe_pandas, polars; print(polars.api)", tmp_path) == "something else"


def test_without_polars_its_import_fails_as_ever():
    code = """
import sys, snowpipe_pandas
sys.path = [p for p in sys.path if "site-packages" not in p]
try:
    import polars
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(code) == "No module named 'polars'"


def test_a_thread_that_imports_polars_meanwhile_is_waited_for():
    code = """
import sys, threading
from snowpipe_pandas import polars_frames
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != polars_frames.__name__]
threading.Thread(target=lambda: __import__("polars")).start()
while "polars" not in sys.modules:
    pass
polars_frames.register()  # as the import of the package does
print(sys.modules["polars"].DataFrame.snowpipe.__name__)
"""
    assert run(code) == "SnowpipeAccessor"


@pytest.mark.parametrize("frame", [FRAME, FRAME.lazy()], ids=["eager", "lazy"])
def test_a_frame_is_streamed(account, client, frame):
    account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.FLIGHTS"))
    flights = client.table("DEMO.PUBLIC.FLIGHTS")
    assert frame.snowpipe.check(flights.open_channel("check")) == []
    result = frame.snowpipe.stream(flights, load_id="2013", progress=False)
    assert (result.rows_in_table, result.rows_rejected) == (3, 0)
    assert frame.snowpipe.stream(flights, load_id="2013", progress=False).rows_sent == 0
    found = account.sql("SELECT * FROM FLIGHTS ORDER BY DELAY NULLS LAST")
    assert found["DELAY"].tolist()[:2] == [-4.5, 2.0]
    assert found["CARRIER"].tolist()[1:] == ["UA", "B6"]


def test_the_namespace_is_that_of_pandas():
    assert type(FRAME.snowpipe) is type(FRAME.lazy().snowpipe) is SnowpipeAccessor
    with pytest.raises(UsageError, match=r"did you mean load_id\?"):
        FRAME.lazy().snowpipe.stream(None, loadid="x")
    assert sp.__name__ == SnowpipeAccessor.__module__.partition(".")[0]


@pytest.mark.parametrize(
    ("frame", "described"),
    [
        (FRAME, "DataFrame, 3 rows x 2 columns"),
        (FRAME.to_pandas().head(1), "DataFrame, 1 row x 2 columns"),
        (FRAME.lazy(), "LazyFrame"),
    ],
    ids=["polars", "pandas", "lazy"],
)
def test_the_accessor_says_what_it_can_do(frame, described):
    calls = "stream(target), check(target), ddl(table), to_ndjson()"
    assert repr(frame.snowpipe) == f"<snowpipe of a {described}: {calls}>"
    for call in calls.split(", "):
        assert callable(getattr(frame.snowpipe, call.partition("(")[0]))
