"""One JupyterLab and one Chromium for all tests of the browser; a page and its evidence for each."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.lab import jupyterlab
from tests.browser.page import NotebookPage

PICTURES = Path(__file__).parents[2] / "build" / "browser"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
ALL_THERE = {"width": 1100, "height": 1300}


@pytest.fixture(scope="session")
def lab():
    with tempfile.TemporaryDirectory(prefix="lab", dir="/tmp") as work, jupyterlab(Path(work)) as lab:
        yield lab


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("Chromium is missing; `make test-browser` says how to install it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium, lab):
    """Make pages; one that asks for anything beyond this machine, or meets a script error, fails the test."""
    contexts, wrong = [], []

    def make(viewport=ALL_THERE, scheme="light"):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: _note_outside(request.url, wrong))
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def offline_page(chromium):
    """A page that reaches nothing but files."""
    context = chromium.new_context(viewport=ALL_THERE, offline=True)
    yield context.new_page()
    context.close()


def _note_outside(url, wrong):
    if re.match(r"(https?|wss?)://", url) and "://127.0.0.1:" not in url:
        wrong.append(url)


@pytest.fixture
def open_notebook(lab, new_page, request):
    """Open a notebook of the server's folder; a failed test leaves a picture of it."""
    opened = []

    def open_(name, **how):
        notebook = NotebookPage(new_page(**how), lab, name)
        opened.append(notebook)
        notebook.open()
        return notebook

    yield open_
    for number, notebook in enumerate(opened):
        if getattr(request.node, "failed", False):
            picture(notebook.page, f"failed-{request.node.name}-{number}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


def picture(page, name):
    """Keep a picture of what the page shows."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / f"{name}.png"))


def picture_of(page, element, name):
    """Keep a picture of one element, which may be drawn again at any moment."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    box = None
    while box is None:
        element.evaluate("element => element.scrollIntoView({block: 'center'})")
        box = element.bounding_box()
    page.screenshot(path=str(PICTURES / f"{name}.png"), clip=box)
