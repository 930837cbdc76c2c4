"""The notebooks: each runs from its first cell to its last, and was saved with the same story.

Every check is made twice: on a notebook that was run just now, and on the one that is kept.
"""

import json
import os
import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
SECRETS = re.compile(r"eyJ[\w-]{8,}|PRIVATE KEY|profile\.json\"")
PLACES = re.compile(r"/(tmp|home|root|work|Users)/|[A-Z]:\\\\|127\.0\.0\.1")

pytestmark = pytest.mark.timeout(400)


each_notebook = pytest.mark.parametrize("name", NAMES)


class Outputs:
    """What a notebook's outputs say."""

    def __init__(self, notebook):
        self.notebook = notebook
        self.outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        self.printed = [o["text"].rstrip("\n") for o in self.outputs if o["output_type"] == "stream"]

    def shown(self, kind):
        """The outputs of a kind, in order."""
        return [output["data"][kind] for output in self.outputs if kind in output.get("data", {})]


def saved(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder of this run of the tests, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "notebooks-that-ran"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def ran(shared):
    """Run a notebook, once for all tests of all workers: whoever makes its folder runs it, others wait."""

    def run(name):
        folder, done = shared / name, shared / f"{name}.ipynb"
        try:
            folder.mkdir()
        except FileExistsError:
            deadline = time.monotonic() + 350
            while not done.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
        else:
            notebook = saved(name)
            NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
            nbformat.write(notebook, folder / "ran.ipynb")
            (folder / "ran.ipynb").rename(done)
        return Outputs(nbformat.read(done, as_version=4))

    return run


@pytest.fixture(params=["now", "kept"])
def outputs_of(request, ran):
    """A notebook's outputs, from a run just now or as committed."""
    return ran if request.param == "now" else lambda name: Outputs(saved(name))


def test_all_four_are_there():
    assert NAMES == ["exactly-once", "performance", "quickstart", "tour-of-types"]


@each_notebook
def test_it_shows_no_error_no_secret_and_nothing_of_the_machine(outputs_of, name):
    notebook = outputs_of(name)
    assert {o["output_type"] for o in notebook.outputs} <= {"stream", "display_data", "execute_result"}
    assert [o["text"] for o in notebook.outputs if o.get("name") == "stderr"] == []
    text = json.dumps(notebook.outputs)
    assert not SECRETS.search(text)
    assert not PLACES.search(text)


@each_notebook
def test_every_view_was_left_in_a_form_that_needs_no_kernel(outputs_of, name):
    notebook = outputs_of(name)
    assert notebook.shown("application/vnd.jupyter.widget-view+json") == []
    assert any("snowpipe-box" in html for html in notebook.shown("text/html")) or name == "tour-of-types"
    assert all(
        len(line) <= 110 for line in notebook.shown("text/plain") if line.startswith(("done", "client of"))
    )


@each_notebook
def test_it_says_what_to_change_for_a_real_account_and_shows_a_picture(outputs_of, name):
    notebook = outputs_of(name)
    assert "For a real account" in notebook.notebook.cells[0].source
    assert notebook.shown("image/png")


@each_notebook
def test_it_was_saved_as_it_was_run_without_traces_of_when_and_by_what(name):
    notebook = saved(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.metadata == {} for cell in code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_quickstart_loads_every_flight_once(outputs_of):
    notebook = outputs_of("quickstart")
    assert "336,776 rows in the table, 0 rejected" in notebook.printed
    again = (
        "-> DEMO.PUBLIC.FLIGHTS: nothing to send: all 336,776 rows of load 'flights-2013' are in the table"
    )
    assert again in notebook.printed
    assert "        N\n0  336776" in notebook.shown("text/plain")
    assert "[26115, 3322]" in notebook.shown("text/plain")
    assert any("did you mean 'CARRIER'?" in text for text in notebook.printed)


def test_quickstart_shows_client_load_and_jobs(outputs_of):
    texts = outputs_of("quickstart").shown("text/plain")
    assert any(text.startswith("client of LOCAL as DEMO_USER, closed, tokens ok, ") for text in texts)
    line = "-> DEMO.PUBLIC.FLIGHTS  done ██████████ 100%  336,776/336,776 rows"
    assert any(text.startswith(line) for text in texts)
    weather, planes = (
        f"-> DEMO.PUBLIC.{name.upper()} {name}-2013: done · 100%" for name in ("weather", "planes")
    )
    assert f"{weather}; {planes}" in texts


def test_exactly_once_holds_whatever_is_broken(outputs_of):
    printed = "\n".join(outputs_of("exactly-once").printed).splitlines()
    assert [line for line in printed if line.startswith("336,776 rows")] == [
        "336,776 rows, 336,776 different with retries",
        "336,776 rows, 336,776 different",
        "336,776 rows, 336,776 different",
        "336,776 rows, 336,776 different",
    ]
    assert "the channel was reopened: ERR_CHANNEL_MUST_BE_REOPENED" in printed
    assert "rows were skipped" in printed


def test_exactly_once_shows_changed_and_rejected_rows(outputs_of):
    printed = "\n".join(outputs_of("exactly-once").printed)
    assert (
        "load 'flights', channel 'only-writer': the first 336,776 rows of the source and those that"
        in printed
    )
    assert (
        "load 'departed', channel 'only-writer': the service rejected 4 rows among rows 0 to 999" in printed
    )
    assert "996 rows, 996 different and 4 flights that never left" in printed


def test_tour_of_types_returns_values_unchanged(outputs_of):
    notebook = outputs_of("tour-of-types")
    printed, texts = "\n".join(notebook.printed), notebook.shown("text/plain")
    assert "MILES NUMBER(4,1)" in printed
    assert '"instant":"2013-01-01T10:00:00.000000Z"' in printed
    assert '"wall_clock":"2013-01-01T05:17:00.000000001"' in printed
    assert "0    1545    2.0      UA  False  140.0" in texts[0]
    assert "2013-01-01 05:17:00.000000001" in texts[1]
    assert texts[2].split()[-5:] == ["0", "1", "1", "2", "2"]
    assert "0  b'\\x00\\xff'" in texts[-1]
    assert "columns can't be sent: 'span' (interval[int64, right])" in printed
    assert "column 'miles': 2 of 3 values are not valid for DATE, first row 1: '141.6'" in printed


def test_performance_is_measured_and_the_wire_ratio_shown(outputs_of):
    notebook = outputs_of("performance")
    times = re.search(r"(\d+) times as fast", "\n".join(notebook.printed))
    assert int(times[1]) >= 2
    assert re.search(r"(9|10|11) : 1 over (8|9|10|11) requests", "\n".join(notebook.printed))
    assert len(notebook.shown("image/png")) == 2
    assert any("336,776/336,776 rows" in text for text in notebook.shown("text/plain"))
