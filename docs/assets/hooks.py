"""MkDocs hooks: pages that stand outside of docs/, and links to files that a site does not have.

The home page is the README, so that there is one of it. Links between pages are those of the repository; here
they become those of the site. A link to a source file becomes its name, a notebook is a file to download.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root, and the notebooks."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{notebook.name}", abs_src_path=str(notebook)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the page's links lead to pages of the site."""
    folder = ROOT if page.file.src_uri in PAGES.values() else ROOT / "docs"

    def led(link: re.Match[str]) -> str:
        text, target = link.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in path or not path:
            return link[0]
        place = _place((folder / path).resolve())
        return f"[{text}]({place}{hash_}{anchor})" if place else text

    return LINK.sub(led, markdown.replace("```python-example", "```python"))


def _place(file: Path) -> str | None:
    """Return where the site has a file of the repository, None where it has not."""
    name = file.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return {"notebooks": "notebooks.md"}.get(name, name if name.endswith(".ipynb") else None)
