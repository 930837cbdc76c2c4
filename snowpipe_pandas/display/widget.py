"""A running load as an ipywidgets panel: who, where, token expiry, a progress bar, counts.

A view only: texts come from `texts.py`, values from snapshots. The saved notebook keeps a static
HTML form of the last state, which shows without a kernel, offline and untrusted.
"""

from __future__ import annotations

import html
from typing import Any

import ipywidgets
from IPython.display import display

from ..streaming.progress import Progress
from . import texts

_STYLE = """<style>
.snowpipe-view { border: 1px solid var(--jp-border-color2, #bbb); border-radius: 4px; padding: 6px 10px;
  max-width: 720px; }
.snowpipe-view .widget-html-content { line-height: 1.45; white-space: normal; }
.snowpipe-line { display: flex; flex-wrap: wrap; gap: 0 1.2em; color: var(--jp-ui-font-color1, inherit);
  font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px; font-variant-numeric: tabular-nums; }
.snowpipe-line .quiet { color: var(--jp-ui-font-color2, inherit); }
.snowpipe-line .bad { color: var(--jp-error-color1, #c62828); font-weight: 600; }
</style>"""

_BAR_STYLES = {"done": "success", "failed": "danger"}


class _Panel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no type information
    """A box whose plain-text and HTML forms are the current line and table instead of its internals."""

    def __init__(self, children: list[ipywidgets.Widget], progress: Progress) -> None:
        super().__init__(children)
        self.progress = progress

    def __repr__(self) -> str:
        return texts.line(self.progress)[:110]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = still(self.progress)
        return bundle


class WidgetView:
    """Draws snapshots into a panel that it displays once, in the cell that runs."""

    def __init__(self, progress: Progress) -> None:
        self._header = ipywidgets.HTML()
        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout=ipywidgets.Layout(width="100%"))
        self._facts = ipywidgets.HTML()
        self._panel = _Panel([self._header, self._bar, self._facts], progress)
        for widget, name in (
            (self._panel, "snowpipe-view"),
            (self._header, "snowpipe-header"),
            (self._bar, "snowpipe-bar"),
            (self._facts, "snowpipe-facts"),
        ):
            widget.add_class(name)
        self.draw(progress)
        self._handle = display(self._panel, display_id=True)  # type: ignore[no-untyped-call]

    def draw(self, progress: Progress) -> None:
        """Show a snapshot."""
        self._panel.progress = progress
        self._header.value = _STYLE + _header(progress)
        self._facts.value = _facts(progress)
        share = texts.fraction(progress)
        self._bar.value = 0.0 if share is None else share
        self._bar.bar_style = _BAR_STYLES.get(progress.phase, "info")

    def finish(self, progress: Progress) -> None:
        """Show the last state, and renew the static form that the notebook file keeps."""
        self.draw(progress)
        if self._handle is not None:
            self._handle.update(self._panel)


def _line(*spans: tuple[str, str]) -> str:
    inner = "".join(f'<span class="{kind}">{html.escape(text)}</span>' for kind, text in spans)
    return f'<div class="snowpipe-line">{inner}</div>'


def _header(progress: Progress) -> str:
    return _line(
        ("", progress.load_id),
        ("quiet", f"channel {progress.channel}"),
        ("quiet", f"user {progress.user}"),
        ("quiet", f"token {texts.countdown(texts.scoped_left_s(progress))}"),
    )


def _facts(progress: Progress) -> str:
    share = texts.fraction(progress)
    percent = "" if share is None else f", {share:.0%}"
    spans = [
        ("bad" if progress.phase == "failed" else "", f"{texts.state(progress)}{percent}"),
        ("", texts.rows(progress)),
        ("", f"{progress.rows_committed:,} committed"),
        ("quiet", f"{progress.megabytes_per_s:.1f} MB/s"),
        ("quiet", f"{progress.requests} requests, {progress.retries} retries"),
        ("quiet", f"{progress.seconds:.1f} s"),
    ]
    if progress.rows_rejected:
        spans.insert(3, ("bad", f"{progress.rows_rejected:,} rejected"))
    return _line(*spans)


def still(progress: Progress) -> str:
    """Return the state as HTML that needs no kernel, no script and no style sheet."""
    share = texts.fraction(progress) or 0.0
    color = "#c62828" if progress.phase == "failed" else "#388e3c"
    return (
        f'{_STYLE}<div class="snowpipe-view">{_header(progress)}'
        f'<div style="height:8px;margin:4px 0;background:rgba(128,128,128,.25);border-radius:4px">'
        f'<div style="height:8px;width:{share:.0%};background:{color};border-radius:4px"></div></div>'
        f"{_facts(progress)}</div>"
    )
