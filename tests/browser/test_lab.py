"""What a user of JupyterLab sees and does, in a real browser."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.browser.conftest import picture, picture_of
from tests.browser.notebooks import ROWS, STOP, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"


def code_cells(path):
    """The numbers of a notebook's code cells, by a text in them."""
    cells = nbformat.read(path, as_version=4).cells
    return {n: cell.source for n, cell in enumerate(cells) if cell.cell_type == "code"}


def test_the_quickstart_moves_while_it_runs_and_its_token_counts_down_afterwards(lab, open_notebook):
    notebook = nbformat.read(QUICKSTART, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, lab.root / "quickstart.ipynb")
    sources = code_cells(QUICKSTART)
    shown = next(n for n, text in sources.items() if text.endswith("\nclient"))
    loading = next(n for n, text in sources.items() if "result = " in text)
    *most, last = sources
    page = open_notebook("quickstart.ipynb")
    for number in most:
        page.run(number)
        if number == loading:
            page.wait_until_seen("flights-2013", 3, prompt="[*]:")
        page.wait_until_run(number)

    moving = page.seen("flights-2013")
    assert [e["now"] for e in moving] == sorted(e["now"] for e in moving)
    assert page.output(loading).locator("summary", has_text="336,776 rows in the table").is_visible()

    left = page.output(shown).locator(".token .left").last
    for _ in range(2):
        page.wait_for_other_text(left)
    assert re.fullmatch(r"5\d:\d\d left", left.text_content())
    assert page.prompt(shown) != "[*]:"

    page.run_to_end(last)
    page.output(shown).locator(".head", has_text="closed").wait_for()


def test_a_job_is_steered_by_its_buttons_while_other_cells_run(lab, open_notebook):
    write(
        lab.root,
        "job.ipynb",
        'slow(0.4)\njob = many.snowpipe.stream(channel, load_id="steered", background=True)\njob',
        "6 * 7",
        'job = many.snowpipe.stream(channel, load_id="steered", background=True)\njob',
        "print(job.result(), count())",
        STOP,
    )
    page = open_notebook("job.ipynb")
    page.run_to_end(0, 1)
    view = page.output(1)
    page.wait_until_seen("steered", 2, prompt="[2]:")
    page.run_to_end(2)
    assert page.output(2).text_content().strip() == "42"

    view.get_by_role("button", name="Pause").focus()
    page.page.keyboard.press("Enter")
    view.locator(".state", has_text="paused").wait_for()
    picture(page.page, "job-paused")
    view.get_by_role("button", name="Resume").click()
    view.locator(".state", has_text="sending").wait_for()
    view.get_by_role("button", name="Cancel").click()

    view.locator("summary", has_text="cancelled").wait_for()
    assert view.locator("code", has_text="load_id='steered'").last.is_visible()
    assert view.get_by_role("button").count() == 0
    picture(page.page, "job-cancelled")

    page.run_to_end(3, 4)
    page.output(3).locator("summary", has_text="rows in the table").wait_for()
    said = page.output(4).text_content()
    assert str(ROWS) in said
    assert re.search(r"sent by this call, [\d,]+ before", said)
    page.run_to_end(5)


def test_several_jobs_are_rows_of_one_table(lab, open_notebook):
    write(
        lab.root,
        "jobs.ipynb",
        """
slow(1.0)
channels = [client.open_channel(f"part-{n}", table="DEMO.PUBLIC.FLIGHTS") for n in range(3)]
jobs = sp.Jobs(flights.snowpipe.stream(c, load_id=f"load-of-{c.name}", background=True) for c in channels)
jobs
""",
        "jobs.wait(), count()",
        STOP,
    )
    page = open_notebook("jobs.ipynb")
    page.run_to_end(0, 1)
    view = page.output(1)
    for n in range(3):
        page.wait_until_seen(f"load-of-part-{n}", 2, prompt="[2]:")
    begins = columns(view)
    assert begins == [begins[0]] * 4  # three jobs and their total
    beside = view.locator(".snowpipe-job").evaluate_all(BESIDE)
    assert len(beside) >= 3
    for top, bottom, button in beside:
        assert top - 1 <= button <= bottom
    picture(page.page, "jobs-running")
    view.get_by_title("Cancel part-1").click()
    view.get_by_text("load_id='load-of-part-1'").wait_for()
    view.get_by_role("button", name="Cancel all").click()
    page.run_to_end(2)
    view.locator("td", has_text="all over").wait_for()
    picture(page.page, "jobs-done")
    assert view.locator("tbody tr").count() == 4
    assert view.get_by_text("cancelled:").count() == 3
    page.run_to_end(3)


BESIDE = """jobs => jobs.map(job => {
    const row = job.querySelector("tbody tr").getBoundingClientRect()
    return [row.top, row.bottom, job.querySelector("button").getBoundingClientRect().top]
})"""

COLUMNS = """rows => rows.map(
    row => [...row.querySelectorAll("td")].map(cell => Math.round(cell.getBoundingClientRect().x))
)"""


def columns(view):
    """Where the columns of each row's table begin, in whole pixels; in one call, as the view draws on."""
    return view.locator(".snowpipe-job tbody tr").evaluate_all(COLUMNS)


def test_an_interrupted_cell_cancels_and_the_same_call_goes_on(lab, open_notebook):
    call = 'result = many.snowpipe.stream(channel, load_id="interrupted")'
    write(lab.root, "interrupt.ipynb", f"slow(0.4)\n{call}", f"{call}\nprint(result, count())", STOP)
    page = open_notebook("interrupt.ipynb")
    page.run_to_end(0)
    page.run(1)
    page.wait_until_seen("interrupted", 3, prompt="[*]:")
    assert page.output(1).get_by_text("interrupt the kernel").is_visible()
    picture(page.page, "blocking-cell")
    page.interrupt()
    page.wait_until_run(1)
    page.output(1).locator("summary", has_text="cancelled").wait_for()
    assert page.output(1).filter(has_text="KeyboardInterrupt").count() == 1
    picture(page.page, "interrupted")
    page.run_to_end(2)
    said = page.output(2).last.text_content()
    assert str(ROWS) in said
    assert re.search(r"sent by this call, [\d,]+ before", said)
    page.run_to_end(3)


def test_a_reloaded_page_shows_the_running_job_again(lab, open_notebook):
    write(
        lab.root,
        "reload.ipynb",
        'slow(0.6)\njob = many.snowpipe.stream(channel, load_id="reloaded", background=True)\njob',
        "job.cancel()",
        STOP,
    )
    page = open_notebook("reload.ipynb")
    page.run_to_end(0, 1)
    page.wait_until_seen("reloaded", 2, prompt="[2]:")
    page.save(lambda saved: any(WIDGET in o.get("data", {}) for o in saved.cells[1].outputs))
    page.open()
    page.wait_until_seen("reloaded", 2, prompt="[2]:")
    page.run_to_end(2)
    page.output(1).locator("summary", has_text="cancelled").wait_for()
    page.run_to_end(3)


@pytest.fixture
def finished(lab, open_notebook):
    """A notebook that was run and saved: a load that went well, a client that is still open."""
    write(
        lab.root,
        "finished.ipynb",
        'flights.snowpipe.stream(channel, load_id="exported");',
        "client.close()",
        "account.close()",
    )
    page = open_notebook("finished.ipynb")
    page.run_to_end(0, 1, 2, 3)
    page.save(lambda saved: saved.cells[3].execution_count is not None and _is_plain(saved.cells[1]))
    return page


def _is_plain(cell):
    """Whether a cell's view has become HTML and text that need no kernel."""
    return [sorted(o["data"]) for o in cell.outputs] == [["text/html", "text/plain"]]


def test_the_exported_page_shows_the_load_without_kernel_or_network(finished, offline_page, tmp_path):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path)]
    subprocess.run([*command, str(finished.file)], check=True, capture_output=True)
    page = offline_page
    page.goto((tmp_path / "finished.html").as_uri())
    summary = page.locator("summary", has_text="336,776 rows in the table")
    summary.click()
    assert page.get_by_role("img", name="speed over").is_visible()
    assert page.get_by_text("wire ratio").is_visible()
    picture(page, "exported")


def test_a_notebook_that_is_not_trusted_still_shows_how_the_load_ended(finished, lab, open_notebook):
    stranger = json.loads(finished.file.read_text())
    stranger["cells"][0]["source"] = "# another author's notebook"
    (lab.root / "stranger.ipynb").write_text(json.dumps(stranger))
    page = open_notebook("stranger.ipynb")
    page.output(1).get_by_text("336,776 rows in the table").first.wait_for()
    assert "peak" not in page.output(1).inner_text()  # no labels of charts that are not there
    picture(page.page, "not-trusted")
    page.output(1).locator("summary").click()
    picture(page.page, "not-trusted-opened")


def test_the_notebooks_that_are_kept_read_well_though_they_are_not_trusted(lab, open_notebook):
    (lab.root / "kept.ipynb").write_text(QUICKSTART.read_text())
    page = open_notebook("kept.ipynb")
    for words in ("tokens", "336,776 rows in the table", "total"):
        assert page.page.locator(".jp-OutputArea-output", has_text=words).count()
    assert "peak" not in page.page.locator(".jp-Notebook").inner_text()
    page.page.locator(".jp-OutputArea-output summary").first.scroll_into_view_if_needed()
    picture(page.page, "kept-not-trusted")


def too_wide(box):
    """What in a view is wider than its place."""
    return box.evaluate(
        """box => [box, ...box.querySelectorAll('*')].filter(
             e => !e.closest('svg') && e.scrollWidth > Math.max(e.clientWidth, e.offsetWidth) + 1)
             .map(e => `${e.tagName} ${e.className} ${e.textContent.slice(0, 60)}`)"""
    )


def broken_numbers(box):
    """The numbers of a view that are not on one line with their units."""
    return box.evaluate(
        "box => [...box.querySelectorAll('.n')].filter(e => e.offsetHeight > 30).map(e => e.textContent)"
    )


looks = pytest.mark.parametrize(
    ("name", "width", "theme"),
    [
        ("light", 1100, "JupyterLab Light"),
        ("dark", 1100, "JupyterLab Dark"),
        ("narrow", 480, "JupyterLab Light"),
    ],
)


@looks
def test_it_can_be_looked_at(lab, open_notebook, name, width, theme):
    lab.set_theme(theme)
    write(
        lab.root,
        f"look-{name}.ipynb",
        """
account.sql("CREATE TABLE DEMO.PUBLIC.STRICT (ID NUMBER(38,0), NAME VARCHAR NOT NULL)")
bad = pd.DataFrame({"ID": range(100), "NAME": [None if i % 10 == 9 else "x" for i in range(100)]})
strict = client.open_channel("strict", table="DEMO.PUBLIC.STRICT")
rejected = bad.snowpipe.stream(strict, load_id="with-bad-rows", on_error="report", progress=False)
client
""",
        'bad.snowpipe.stream(strict, load_id="some-bad-rows", after="with-bad-rows", on_error="report");',
        """
account.faults.add("append", status=429, headers={"Retry-After": "0"}, times=2)
slow(0.3)
job = many.snowpipe.stream(channel, load_id="flights-three-times-over-to-see-a-long-name", background=True)
job
""",
        "job.cancel()",
        STOP,
    )
    page = open_notebook(f"look-{name}.ipynb")
    page.page.keyboard.press("Control+b")  # no file browser
    page.page.set_viewport_size({"width": width, "height": 1500})
    page.run_to_end(0, 1, 2, 3)
    page.output(2).locator("summary", has_text="10 REJECTED").click()
    page.output(3).locator("summary", has_text="details").click()
    page.output(3).locator(".legend span", has_text=re.compile(r"^[1-9][\d,]* in the table")).wait_for()
    assert page.output(3).get_by_role("img", name="speed over").is_visible()  # through many redraws
    for number in (1, 2, 3):
        box = page.output(number).locator(".snowpipe-box").first
        assert too_wide(box) == []
        assert name != "narrow" or box.bounding_box()["width"] <= 400
        assert broken_numbers(box) == []
        picture_of(page.page, box, f"{name}-{number}")
    page.run_to_end(4)
    page.output(3).locator("summary", has_text="cancelled").wait_for()
    picture_of(page.page, page.output(3).locator(".snowpipe-box"), f"{name}-cancelled")
    page.run_to_end(5)


@looks
def test_a_load_in_parts_can_be_looked_at(lab, open_notebook, name, width, theme):
    lab.set_theme(theme)
    start = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from snowpipe_pandas.display.views import LoadView
from snowpipe_pandas.streaming.control import Control
from tests.display.samples import EIGHT, MANY, MANY_DONE
"""
    states = ("EIGHT", "MANY", "MANY_DONE")
    views = [f"view = LoadView(lambda: {state}, Control(time.sleep))\nview.show()" for state in states]
    write(lab.root, f"parts-{name}.ipynb", start, *views, "view.draw_last()", STOP)
    page = open_notebook(f"parts-{name}.ipynb")
    page.page.keyboard.press("Control+b")  # no file browser
    page.page.set_viewport_size({"width": width, "height": 1500})
    page.run_to_end(0, 1, 2, 3, 4, 5)
    for number in (2, 3):
        page.output(number).locator("summary", has_text="details").click()
    assert page.output(2).locator("table.parts tbody tr").count() == 9  # one says why its part failed
    assert page.output(3).locator(".tile").count() == 32
    page.output(4).locator("summary").click()
    assert page.output(4).get_by_role("region", name="parts").bounding_box()["height"] <= 320
    for number, state in enumerate(("eight", "many", "many-done"), 2):
        box = page.output(number).locator(".snowpipe-box").first
        assert too_wide(box) == []
        picture_of(page.page, box, f"parts-{name}-{state}")
    page.run_to_end(6)
