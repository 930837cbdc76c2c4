"""The look of the notebook's views: the style sheet beside this module, and the frames that it is for."""

from __future__ import annotations

import re
from importlib.resources import files


def _sheet() -> str:
    """Return the style sheet in as few bytes as it takes: every saved view carries it."""
    text = (files(__package__) / "style.css").read_text("utf-8")
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return f"<style>{' '.join(bare.split())}</style>"


STYLE = _sheet()
"""Sent once with each view; without it (a viewer that removes style) the text still reads well."""


def boxed(inner: str, *, bare: bool = False) -> str:
    """Put a view's HTML into its frame, with its style: a form that needs no kernel and no network."""
    return f'{STYLE}<div class="snowpipe snowpipe-{"bare" if bare else "box"}">{inner}</div>'


def plain(inner: str) -> str:
    """Wrap HTML for a place that has frame and style already."""
    return f'<div class="snowpipe">{inner}</div>'
