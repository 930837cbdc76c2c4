"""The views in a real kernel, as a saved notebook keeps them."""

import json
import re

import pytest

from tests.display.samples import read
from tests.support.kernel import WIDGET, run_cells, run_notebook, shown

START = """
import time
import pandas as pd
import snowpipe_pandas as sp
from ipywidgets import Widget

account = sp.local(commit_lag_s=0.05)
client = sp.connect(account.profile)
frame = pd.DataFrame({"ID": range(1000)})
account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.T"))
channel = client.open_channel("c", table="DEMO.PUBLIC.T")

def settled():
    "Wait until no view is being drawn."
    import threading
    for thread in threading.enumerate():
        if thread.name == "snowpipe-display":
            thread.join(10)
"""


PARTS = """
result = frame.snowpipe.stream(client.table("DEMO.PUBLIC.T"), load_id="group", channels=3)
settled()
result
"""

RUN_ALL = """
import pandas as pd
import snowpipe_pandas as sp

client = sp.connect({profile!r})
numbers = client.table("DEMO.PUBLIC.NUMBERS")
frames = {{
    f"2013-0{{month}}": pd.DataFrame({{"ID": range(100 * month, 100 * month + 100)}}) for month in (1, 2, 3)
}}
---
frames["2013-01"].snowpipe.stream(numbers, load_id="2013-01")
---
frames["2013-02"].snowpipe.stream(numbers, load_id="2013-02", channels=2)
---
frames["2013-03"].snowpipe.stream(numbers, load_id="2013-03")
---
client.close()
"""


@pytest.fixture(scope="module")
def cells():
    """The cells of one notebook, by a name for each."""
    sources = {
        "start": START,
        "client": "client",
        "client again": "client",
        "load": "channel_result = frame.snowpipe.stream(channel, load_id='one')\nsettled()",
        "silent": "frame.snowpipe.stream(channel, load_id='one', progress=False);",
        "callback": """
kinds = []
on_event = lambda event: kinds.append(type(event).__name__)
frame.snowpipe.stream(channel, load_id='two', after='one', progress=on_event)
print(kinds[0], kinds[-1])
""",
        "broken callback": "frame.snowpipe.stream(channel, progress=lambda event: 1 / 0).rows",
        "job": "job = frame.snowpipe.stream(channel, load_id='four', background=True)\njob",
        "job's result": "job.result().rows",
        "job at once": "again = frame.snowpipe.stream(channel, background=True, progress=True)",
        "one-line": "again.wait()\nframe.snowpipe.stream(channel, load_id='one-line', progress='compact')",
        "jobs": """
again.wait()
channels = [client.open_channel(f"part-{n}", table="DEMO.PUBLIC.T") for n in (0, 1)]
jobs = sp.Jobs(frame.snowpipe.stream(c, background=True) for c in channels)
jobs
""",
        "jobs' results": "[result.rows for result in jobs.results()]",
        "parts": PARTS,
        "busy": """
account.channels.pause()
first = frame.snowpipe.stream(channel, load_id='six', after='one-line', background=True)
deadline = time.monotonic() + 20
while first.progress.rows_sent == 0:
    assert time.monotonic() < deadline
    time.sleep(0.01)
try:
    frame.snowpipe.stream(channel, load_id='seven')
except sp.SnowpipeError as error:
    print(type(error).__name__)
account.channels.resume()
first.result()
""",
        "stop": """
client.close()
account.close()
settled()
import threading
print([t.name for t in threading.enumerate() if t.name.startswith("snowpipe-")])
""",
    }
    return dict(zip(sources, run_cells(*sources.values()), strict=True))


def test_a_client_keeps_its_last_token_lives_when_it_is_closed(cells):
    for name in ("client", "client again"):
        (text,) = shown(cells[name], "text/plain")
        assert re.fullmatch(r"client of LOCAL as DEMO_USER, closed, tokens ok, 5\d min", text)
        words = read(*shown(cells[name], "text/html"))[1]
        assert "DEMO_USER · LOCAL · key SHA256:" in words
        assert re.search(r"closed, as of 20\d\d-\d\d-\d\d \d\d:\d\d UTC JWT 5\d:\d\d left", words)


@pytest.mark.parametrize("name", ["load", "job", "job at once"])
def test_after_a_load_its_cell_holds_html_and_text_that_need_no_kernel(cells, name):
    assert shown(cells[name], WIDGET) == []
    (html,) = shown(cells[name], "text/html")
    elements, text = read(html)
    assert "details" in [tag for tag, _ in elements]
    assert "1,000 rows in the table" in text
    plain = shown(cells[name], "text/plain")[0]
    assert plain.startswith("-> DEMO.PUBLIC.T  done")
    assert len(plain) <= 110


def test_a_load_in_parts_leaves_one_view_with_a_row_for_each(cells):
    assert shown(cells["parts"], WIDGET) == []
    html, _ = shown(cells["parts"], "text/html")  # the view, and the result as the cell's last value
    elements, text = read(html)
    assert [tag for tag, _ in elements].count("details") == 1
    assert "-> DEMO.PUBLIC.T · done · 100% · 1,000 rows in the table" in text
    assert "load group, 3 channels" in text
    for number, (name, rows) in enumerate([("group", 333), ("group.part-2", 333), ("group.part-3", 334)], 1):
        assert f"{number} {name} done · 100% {rows} of {rows}" in text
    plain, _ = shown(cells["parts"], "text/plain")
    assert plain.startswith("-> DEMO.PUBLIC.T  done ")
    assert "1,000/1,000 rows in the table · 3 channels" in plain


def test_a_load_as_a_cells_last_value_is_one_view_and_one_line_of_result(cells):
    view, result = shown(cells["one-line"], "text/html")
    words = "-> DEMO.PUBLIC.T · done · 100% · 1,000 rows in the table · "
    assert words in read(view)[1]
    assert "details" not in [tag for tag, _ in read(view)[0]]  # compact: nothing to open
    assert read(result)[1].startswith("result: 1,000 rows in the table; load 'one-line', channel 'c' Target")


def test_jobs_leave_one_table(cells):
    (html,) = shown(cells["jobs"], "text/html")
    assert [tag for tag, _ in read(html)[0]].count("tr") == 4
    assert shown(cells["jobs"], "text/plain") == ["-> DEMO.PUBLIC.T part-0: done · 100%, part-1: done · 100%"]
    assert shown(cells["jobs' results"], "text/plain") == ["[1000, 1000]"]


def test_progress_false_and_a_function_show_nothing(cells):
    assert cells["silent"].outputs == []
    assert cells["callback"].outputs[0]["text"] == "LoadStarted PhaseChanged\n"
    assert shown(cells["callback"], "text/html") == []


def test_a_callback_that_raises_does_not_harm_the_load(cells):
    assert shown(cells["broken callback"], "text/plain") == ["1000"]


def test_a_load_whose_channel_is_busy_is_shown_as_failed(cells):
    html = shown(cells["busy"], "text/html")[0]
    assert "failed: channel 'c' is busy with load 'six'" in read(html)[1]
    assert "UsageError\n" in [output.get("text") for output in cells["busy"].outputs]


def test_closing_every_widget_ends_the_card_and_harms_no_later_load():
    last = """
Widget.close_all()
settled()
frame.snowpipe.stream(channel).rows
"""
    cells = run_cells(START, "client", last, "client.close()\naccount.close()")
    assert "tokens ok, 59 min" in shown(cells[1], "text/plain")[0]
    assert shown(cells[1], WIDGET) == []
    assert shown(cells[2], "text/plain")[-1] == "1000"


def test_when_everything_is_closed_nothing_draws(cells):
    assert cells["stop"].outputs[-1]["text"] == "[]\n"


def test_no_output_and_no_widget_state_holds_a_secret_and_a_finished_load_keeps_few_widgets():
    count = "from ipywidgets.widgets.widget import _instances\nlen(_instances)"
    load = "frame.snowpipe.stream(channel, progress=True)\nsettled()"
    job = "job = frame.snowpipe.stream(channel, background=True, progress=True)\njob.result()\nsettled()"
    notebook = run_notebook(START, "client", load, count, load, job, count, "client.close()\naccount.close()")
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert states
    for state in states.values():  # part of every front end, so that nothing is fetched
        names = {state["model_module"], state["state"]["_model_module"], state["state"]["_view_module"]}
        assert names <= {"@jupyter-widgets/base", "@jupyter-widgets/controls", None}
    text = json.dumps(notebook)
    assert "eyJ" not in text
    assert "PRIVATE KEY" not in text
    before, after = (int(shown(notebook.cells[n], "text/plain")[0]) for n in (3, 6))
    assert after - before <= 2 * 10


def test_run_all_twice_in_a_row_and_once_more_elsewhere_loads_each_row_once(account):
    account.sql("CREATE TABLE DEMO.PUBLIC.NUMBERS (ID NUMBER)")
    cells = RUN_ALL.format(profile=str(account.profile)).split("---")
    words = [shown(cell, "text/plain")[-1] for cell in run_cells(*cells, *cells)[1:] if cell.outputs]
    assert ["nothing to send" in text for text in words] == [False] * 3 + [True] * 3
    again = run_cells(*cells)
    assert all("nothing to send" in shown(cell, "text/plain")[-1] for cell in again[1:4])
    assert sorted(account.sql("SELECT ID FROM NUMBERS")["ID"]) == list(range(100, 400))
