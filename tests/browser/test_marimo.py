"""What a user of marimo sees and does, in a real browser."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import picture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import pandas as pd
    import snowpipe_pandas as sp

    account = sp.local(commit_lag_s=0.3)
    client = sp.connect(account.profile)
    frame = pd.DataFrame({"ID": range(300_000), "NAME": ["x" * 40] * 300_000})
    account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.T"))
    account.faults.add("append", times=10_000, delay_s=0.6)
    channels = [client.open_channel(f"c-{n}", table="DEMO.PUBLIC.T") for n in range(4)]
    return channels, frame, sp


@app.cell
def _(channels, frame):
    result = frame.snowpipe.stream(channels[0], load_id="blocking")
    return (result,)


@app.cell
def _(channels, frame, result):
    result
    job = frame.snowpipe.stream(channels[1], load_id="job", background=True)
    job
    return (job,)


@app.cell
def _(channels, frame, job, sp):
    job
    jobs = sp.Jobs(frame.snowpipe.stream(c, background=True) for c in channels[2:])
    jobs
    return (jobs,)


if __name__ == "__main__":
    app.run()
"""


@contextlib.contextmanager
def served(folder):
    """Serve the notebook as an app on a free port, with a home of its own."""
    (folder / "notebook.py").write_text(NOTEBOOK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "run", "notebook.py", "--headless", "--no-token"]
    with open(folder / "marimo.log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=os.environ | {"HOME": str(folder), "PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_up(port, process, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def _wait_until_up(port, process, folder):
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, (folder / "marimo.log").read_text()[-2000:]
        assert time.monotonic() < deadline, "marimo does not answer"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)


@pytest.fixture
def page(chromium, tmp_path):
    """The notebook's page, which may ask nobody but its server."""
    asked = []
    with served(tmp_path) as url:
        context = chromium.new_context(viewport={"width": 1100, "height": 1300})
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        yield page
        context.close()
    assert not [one for one in asked if re.match(r"(https?|wss?)://(?!127\.0\.0\.1:)", one)]


def test_loads_and_jobs_are_live_and_their_buttons_steer_them(page):
    expect.set_options(timeout=60_000)
    views = page.locator(".snowpipe-rows")
    blocking, job, jobs = (views.nth(number) for number in range(3))
    expect(blocking).to_contain_text("sending")  # while its cell runs
    expect(blocking).to_contain_text("interrupt the kernel")

    job.get_by_role("button", name="Pause").click()
    expect(job.locator(".state")).to_contain_text("paused")
    job.locator("summary", has_text="details").click()
    job.get_by_role("button", name="Resume").click()
    expect(job.locator(".state")).to_contain_text("sending")
    assert job.get_by_text("wire ratio").is_visible()  # open, though drawn again and again
    picture(page, "marimo-running")

    jobs.get_by_role("button", name="Cancel all").click()
    expect(jobs).to_contain_text("all over")
    expect(jobs).to_contain_text("cancelled:")
    expect(job).to_contain_text("300,000 rows in the table")
    for view in (job, jobs):
        expect(view.get_by_role("button")).to_have_count(0)
    expect(blocking).to_contain_text("300,000 rows in the table")  # stays where the cell has no last value
    picture(page, "marimo-done")
