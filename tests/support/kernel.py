"""Code run in a real Jupyter kernel, and the outputs that a notebook would keep of it."""

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"


def run_notebook(*sources):
    """Run code cells in a fresh kernel and return the notebook, with outputs and widget states."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, timeout=100, kernel_name="python3")
    client.execute()
    return notebook


def run_cells(*sources):
    """Run code cells in a fresh kernel and return them with their outputs."""
    return run_notebook(*sources).cells


def shown(cell, kind):
    """What a cell shows of a kind ("text/html", ...), output by output."""
    return [output["data"][kind] for output in cell.outputs if kind in output.get("data", {})]
