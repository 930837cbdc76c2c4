"""The docs site: built strictly, its links lead somewhere, and nothing in it comes from another host."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
"""What a browser loads by itself, by the attribute that names it."""


class Parsed(HTMLParser):
    """A page's anchors, links, and what it loads."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.links, self.loads, self.text = set(), [], [], page.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in LOADED and found.get(LOADED[tag]) and found.get("rel") != "canonical":
            self.loads.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site's pages by path."""
    folder = tmp_path_factory.mktemp("site")
    # Without --quiet, which hides warnings from --strict too.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return {page: Parsed(page) for page in sorted(folder.rglob("*.html"))}


def test_every_link_and_anchor_of_the_site_leads_somewhere(site):
    lost = []
    for page, parsed in site.items():
        for link in parsed.links:
            url = urlsplit(link)
            if (
                url.scheme or url.netloc or page.name == "404.html"
            ):  # whose links are those of a server's root
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            target = target / "index.html" if target.is_dir() else target
            wanted = unquote(url.fragment)
            if not target.exists() or (wanted and target in site and wanted not in site[target].ids):
                lost.append(f"{page.name}: {link}")
    assert not lost


def test_nothing_is_loaded_from_another_host(site):
    for page, parsed in site.items():
        assert not [source for source in parsed.loads if urlsplit(source).netloc], page.name
        assert "fonts.g" not in parsed.text


def test_every_page_of_the_docs_is_in_the_site(site):
    pages = {page.stem for page in site}
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} | {
        "index",
        "contributing",
        "changelog",
    } <= pages


def test_the_reference_has_every_public_name_and_every_option(site):
    import snowpipe_pandas as sp
    from snowpipe_pandas.api.signature import StreamOptions

    (reference,) = [parsed for page, parsed in site.items() if page.name == "reference.html"]
    shown = {anchor.rpartition(".")[2] for anchor in reference.ids}
    assert set(sp.__all__) - shown == set()
    for option in StreamOptions.__annotations__:
        assert f">{option}<" in reference.text or f"<code>{option}</code>" in reference.text


def test_the_home_page_is_the_readme_with_links_of_the_site(site):
    (home,) = [
        parsed
        for page, parsed in site.items()
        if page.name == "index.html" and page.parent.name != "notebooks"
    ]
    assert "targets.html" in home.links
    assert "notebooks.html" in home.links
    assert not [link for link in home.links if link.startswith("docs/")]
