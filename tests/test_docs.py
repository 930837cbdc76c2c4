"""The README and the docs are executed: Python blocks run, the text block after one is its output."""

import doctest
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    try:
        for code, expected in BLOCK.findall(page.read_text()):
            printed = StringIO()
            with redirect_stdout(printed):
                exec(compile(code, str(page), "exec"), names)
            if expected:
                assert doctest.OutputChecker().check_output(expected, printed.getvalue(), FLAGS), (
                    printed.getvalue()
                )
    finally:
        for name in ("client", "account"):
            if name in names:
                names[name].close()


def anchors(page):
    """The anchors of a page's headings, as MkDocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).lower()) for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page):
    for target, anchor in LINK.findall(FENCED.sub("", page.read_text())):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_only_sentences_that_deny_it_name_the_endpoint_that_does_not_exist():
    for page in PAGES:
        for line in page.read_text().splitlines():
            if "/oauth2/token" in line:
                assert "does not exist" in line or "never" in line
