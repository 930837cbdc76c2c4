"""Frames in Jupyter: core ipywidgets around the rows of a view, and plain HTML that takes their place.

Only widgets that are part of every front end are used, so that nothing is fetched, and there is no script of
ours.
"""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from typing import Any

import ipywidgets
from IPython.display import display

from .rows import Button, Row, Still
from .style import STYLE, boxed, plain


class JupyterFrame:
    """A box of widgets in the cells that show it, and the plain HTML that takes its place.

    Args:
        still: makes text and HTML of the present state, for viewers without widgets.
        bare: draws no border.
    """

    def __init__(self, still: Still, *, bare: bool = False) -> None:
        self._still = still
        self._bare = bare
        self._box = ipywidgets.VBox([_html(STYLE)])
        self._box.add_class("snowpipe-bare" if bare else "snowpipe-box").add_class("snowpipe")
        self._rows: list[_WidgetRow] = []
        self._handles: list[Any] = []
        self._last: Any = None

    @property
    def closed(self) -> bool:
        """Whether the box was closed, as after `Widget.close_all()`."""
        return self._box.comm is None

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows in the cell that runs now, or the plain form if that is what is left."""
        self.draw(rows)
        live = {} if self.closed or self._last else self._box._repr_mimebundle_()
        self._handles.append(display(live | self._still_bundle(), raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def as_value(self, rows: Sequence[Row]) -> None:
        """Show rows: Jupyter's cells show what is displayed."""
        self.show(rows)

    def draw(self, rows: Sequence[Row]) -> None:
        """Show these rows wherever the box is shown."""
        if self.closed or self._last:
            return
        if not self._rows:
            self._rows = [_WidgetRow(row) for row in rows]
            self._box.children = (*self._box.children, *(row.box for row in self._rows))
        for drawn, row in zip(self._rows, rows, strict=True):
            drawn.draw(row)

    def settle(self) -> None:
        """Put the plain form in the box's place; a second call sends it again.

        After a reload a page no longer knows which box an output belongs to, so the box itself shows it too.
        """
        if self._last is None:
            self._last = _html(plain(self._still()[1]))
            style, *moved = self._box.children
            self._box.children = (style, self._last)
            for child in moved:
                for widget in _family(child):
                    widget.close()
        else:
            self._last.send_state()
            self._box.send_state()
        for handle in self._handles:
            if handle is not None:
                # Without the context of the cell that began: what runs notebooks without a page takes in only
                # what comes from the cell that runs now.
                contextvars.Context().run(handle.update, self._still_bundle(), raw=True)

    def _still_bundle(self) -> dict[str, str]:
        text, html = self._still()
        return {"text/plain": text, "text/html": boxed(html, bare=self._bare)}


class _WidgetRow:
    """The widgets of one row."""

    def __init__(self, row: Row) -> None:
        self._now = row
        self._html = _html()
        self._buttons = [ipywidgets.Button(layout=ipywidgets.Layout(width="auto")) for _ in row.buttons]
        for number, button in enumerate(self._buttons):
            button.on_click(lambda _, number=number: self._now.buttons[number].press())
        if not self._buttons:
            self.box = self._html
        else:
            beside = ipywidgets.HBox(self._buttons)
            beside.add_class("snowpipe-buttons")
            self.box = ipywidgets.HBox([self._html, beside])
        self.box.add_class("snowpipe-row").add_class(f"snowpipe-{row.kind or 'plain'}")

    def draw(self, row: Row) -> None:
        """Show what the row says now."""
        self._now = row
        self._html.value = plain(row.html) if row.html else ""
        for drawn, button in zip(self._buttons, row.buttons, strict=True):
            _draw_button(drawn, button)


def _draw_button(drawn: Any, button: Button) -> None:
    drawn.description, drawn.tooltip, drawn.disabled = button.label, button.title, not button.enabled


def _html(value: str = "") -> Any:
    """Make a widget for HTML that changes."""
    widget = ipywidgets.HTML(value, layout=ipywidgets.Layout(min_width="0"))
    widget.add_class("snowpipe-html")
    return widget


def _family(widget: Any) -> list[Any]:
    """List a widget with all that it holds; what others refer to comes last."""
    inner = [found for child in getattr(widget, "children", ()) for found in _family(child)]
    return [widget, *inner, *(getattr(widget, name) for name in ("style", "layout") if hasattr(widget, name))]
