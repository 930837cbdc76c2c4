"""What the view of a load costs in a real kernel: prints JSON. Needs the extra `dev`."""

import json

import nbformat
from nbclient import NotebookClient

CELL = """
import json
import time
import pandas as pd
import snowpipe_pandas as sp
from snowpipe_pandas.cli.demo import load_flights
from snowpipe_pandas.display import ticker
from snowpipe_pandas.display.views import LoadView

spent = []
draw = LoadView.draw

def timed(view):
    begin = time.perf_counter()
    try:
        return draw(view)
    finally:
        spent.append(time.perf_counter() - begin)

LoadView.draw = timed
flights = pd.concat([load_flights()] * 3, ignore_index=True)
with sp.local() as account, sp.connect(account.profile) as client:
    account.sql(flights.snowpipe.ddl("DEMO.PUBLIC.FLIGHTS"))
    channel = client.open_channel("c", table="DEMO.PUBLIC.FLIGHTS")
    seconds = flights.snowpipe.stream(channel).seconds
print(json.dumps({"seconds": seconds, "draws": len(spent), "drawing_s": sum(spent)}))
"""


def measure() -> dict:
    """Stream a million flights in a kernel; return how long it took, and how much of that the view drew."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    printed = "".join(o["text"] for o in notebook.cells[0].outputs if o.get("name") == "stdout")
    result = json.loads(printed)
    return result | {"share": result["drawing_s"] / result["seconds"]}


if __name__ == "__main__":
    print(json.dumps(measure()))
