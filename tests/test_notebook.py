"""The notebook runs from its first cell to its last, and was saved with the outputs that it has."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "quickstart.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def outputs(notebook, kind):
    """The texts of a kind in all outputs, in order."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if kind == "stream":
                found += [output["text"]] if output["output_type"] == "stream" else []
            elif kind in output.get("data", {}):
                found.append(output["data"][kind])
    return found


def test_it_loads_every_row_and_shows_it(executed):
    texts = outputs(executed, "text/plain")
    assert any("336,776 rows committed" in text for text in texts)
    assert any(text.split() == ["N", "0", "336776"] for text in texts)


def test_nothing_is_printed_to_standard_error(executed):
    streams = [o for cell in executed.cells for o in cell.get("outputs", []) if o["output_type"] == "stream"]
    assert [o["text"] for o in streams if o["name"] == "stderr"] == []


def test_the_view_is_shown_once_with_a_form_that_needs_no_kernel(executed):
    views = [o for cell in executed.cells for o in cell.get("outputs", []) if WIDGET in o.get("data", {})]
    assert len(views) == 1
    data = views[0]["data"]
    assert len(data["text/plain"]) <= 110
    for form in (data["text/plain"], data["text/html"]):
        assert "336,776/336,776 rows" in form
    assert "DEMO_USER" in data["text/html"]


def test_it_was_saved_with_the_same_story(executed):
    saved = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell.source for cell in saved.cells] == [cell.source for cell in executed.cells]
    assert outputs(saved, "stream") == outputs(executed, "stream")
    assert any("336,776 rows committed" in text for text in outputs(saved, "text/plain"))
