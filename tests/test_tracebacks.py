"""What IPython shows of errors: in a kernel, in a terminal of its own; in plain Python nothing changes."""

import copy
import pickle
import re
import subprocess
import sys
import traceback

import nbformat
import pytest
from nbclient import NotebookClient

from snowpipe_pandas.errors import ConfigError, RowsRejectedError, SnowpipeError, TransportError

START = """
import os, signal
import pandas as pd
import snowpipe_pandas as sp
account = sp.local(commit_lag_s=0.01)
client = sp.connect(account.profile)
table = client.table("DEMO.PUBLIC.T")
account.sql("CREATE TABLE DEMO.PUBLIC.T (ID NUMBER(3,0)) ERROR_LOGGING = TRUE")
bad = pd.DataFrame({"ID": ["1", "x"]})
def mine(frame, **options):
    return frame.snowpipe.stream(table, load_id="l", **options)

def press_ctrl_c(event):
    if type(event).__name__ == "RowsAcknowledged":
        os.kill(os.getpid(), signal.SIGINT)
"""
INTERRUPT = "sp.stream(bad, table, load_id='i', progress=press_ctrl_c)"
UNREACHABLE = (
    'sp.connect(account="a-b", url="http://127.0.0.1:9", user="u", token="t", '
    "retry=sp.RetryPolicy(budget_s=0.0)).sql('select 1')"
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
ANY_OF_OURS = re.compile(r"snowpipe_pandas/\w+/\w+\.py")
SHOWN_LINES = 20
CAUSED = r"""
try:
    raise ValueError("theirs \x1b[2J" + 500 * "!")
except ValueError as theirs:
    raise sp.SnowpipeError("ours") from theirs
"""
CAUSED_AND_TOLD = CAUSED.replace('"ours"', 'f"ours: {theirs}"')


@pytest.fixture(scope="module")
def kernel():
    """What cells of a real kernel show of their errors, by their source."""
    sources = [
        START,
        "mine(bad)",
        "mine(bad, progress=7)",
        UNREACHABLE,
        INTERRUPT,
        CAUSED,
        CAUSED_AND_TOLD,
        "%xmode Verbose",
        "mine(bad, on_error='raise')",
        "%xmode Minimal",
        "mine(bad, progress=False)",
        "%xmode Context",
        "client.close(); account.close()",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=100, kernel_name="python3", allow_errors=True).execute()
    return {
        cell.source: ESCAPES.sub("", "\n".join(output.traceback))
        for cell in notebook.cells
        for output in cell.outputs
        if output.output_type == "error"
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "mine(bad)",
            "RowsRejectedError: -> DEMO.PUBLIC.T, load 'l', channel 'l': the service rejected 1 row",
        ),
        ("mine(bad, progress=7)", "UsageError: progress=7 can't be used"),
        (UNREACHABLE, "TransportError: "),
        (INTERRUPT, "KeyboardInterrupt"),
    ],
)
def test_a_kernel_shows_the_users_lines_and_the_message(kernel, source, message):
    shown = kernel[source]
    assert message in shown
    assert "----> 1" in shown
    assert not ANY_OF_OURS.search(shown)
    assert len(shown.splitlines()) < SHOWN_LINES


def test_all_lines_of_the_user_are_shown_and_what_the_load_adds(kernel):
    shown = kernel["mine(bad)"]
    assert 'return frame.snowpipe.stream(table, load_id="l", **options)' in shown
    assert "the first rejected rows:\n  row 1, ID = 'x': " in shown
    assert "1 of 2 rows REJECTED" in shown


def test_an_interrupted_load_still_says_how_it_goes_on(kernel):
    assert "-> DEMO.PUBLIC.T, load 'i', channel 'i': 2 rows acknowledged" in kernel[INTERRUPT]
    assert "run the same call with load_id='i' to go on" in kernel[INTERRUPT]


def test_the_direct_cause_stays_as_one_short_line_where_the_message_lacks_it(kernel):
    shown = kernel[CAUSED]
    (cause,) = [line for line in shown.splitlines() if line.startswith("caused by ")]
    assert cause.startswith(r"caused by ValueError: theirs \x1b[2J!!!")
    assert len(cause) < 250
    for source in (CAUSED, CAUSED_AND_TOLD, UNREACHABLE):
        assert "above exception" not in kernel[source]
    assert "caused by" not in kernel[UNREACHABLE]


def test_xmode_verbose_shows_every_frame_and_minimal_none(kernel):
    assert ANY_OF_OURS.search(kernel["mine(bad, on_error='raise')"])
    minimal = kernel["mine(bad, progress=False)"]
    assert minimal.startswith("RowsRejectedError: -> DEMO.PUBLIC.T")
    assert "mine(" not in minimal


def test_a_terminal_of_ipython_shows_the_same(tmp_path):
    typed = [*START.strip().splitlines(), "", "mine(bad)", INTERRUPT, "%xmode Verbose", "mine(bad)"]
    typed += ["client.close(); account.close()", "exit", ""]
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    done = subprocess.run(
        [*command, f"--ipython-dir={tmp_path}"],
        input="\n".join(typed),
        capture_output=True,
        text=True,
        timeout=120,
    )
    shown = ESCAPES.sub("", done.stdout)
    before, _, verbose = shown.partition("Exception reporting mode: Verbose")
    assert before.count("RowsRejectedError: -> DEMO.PUBLIC.T, load 'l', channel 'l': ") == 1, shown
    assert "----> 1 mine(bad)" in before
    assert "KeyboardInterrupt" in before
    assert not ANY_OF_OURS.search(before)
    assert ANY_OF_OURS.search(verbose)


def test_plain_python_shows_every_frame():
    code = START + "try:\n    mine(bad, progress=False)\nfinally:\n    client.close(); account.close()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ANY_OF_OURS.search(done.stderr)
    assert "RowsRejectedError: -> DEMO.PUBLIC.T, load 'l', channel 'l': " in done.stderr


def test_the_package_and_its_errors_do_not_load_ipython():
    code = (
        "import sys, snowpipe_pandas as sp\n"
        "try: raise sp.SnowpipeError('no')\n"
        "except sp.SnowpipeError as error: print(error._render_traceback_()[-1])\n"
        "assert 'IPython' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "snowpipe_pandas.errors.SnowpipeError: no\n\n"), done.stderr


# An error as text, and as an object.


def rejected():
    error = RowsRejectedError(
        "1 row", rows_rejected=1, last_message=None, first_row=0, end_row=1, offset_upper_bound=None
    )
    error.place = "-> T, load 'a', channel 'c'"
    error.add_note("a note")
    return error


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_keeps_its_place_and_args_when_it_travels(again):
    error = again(rejected())
    assert str(error) == "-> T, load 'a', channel 'c': 1 row"
    assert (error.args, repr(error)) == (("1 row",), "RowsRejectedError('1 row')")
    assert (error.rows_rejected, error.__notes__) == (1, ["a note"])
    lines = traceback.format_exception_only(error)
    assert lines == [
        "snowpipe_pandas.errors.RowsRejectedError: -> T, load 'a', channel 'c': 1 row\n",
        "a note\n",
    ]


def test_an_error_outside_of_a_load_has_no_place():
    assert str(ConfigError("no account")) == "no account"
    assert str(SnowpipeError()) == ""
    assert str(TransportError("gone", url="http://x")) == "gone"
