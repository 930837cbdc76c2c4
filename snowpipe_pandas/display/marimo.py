"""Frames in marimo: one widget of the anywidget kind, which marimo draws by itself.

marimo shows no core ipywidgets, but it shows widgets that bring their own script, and passes on what a thread
changes. So there is a script here; it needs no package that marimo lacks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import ipywidgets
import traitlets

from .rows import Row, Still
from .style import boxed, plain

SCRIPT = r"""
function render({model, el}) {
  const draw = () => {
    const rows = model.get("rows");
    if (!el.hasChildNodes()) el.innerHTML = model.get("frame");
    const box = el.querySelector(".snowpipe-rows");
    while (box.children.length > rows.length) box.lastChild.remove();
    rows.forEach((row, at) => {
      let drawn = box.children[at];
      if (!drawn) {
        drawn = box.appendChild(document.createElement("div"));
        drawn.append(document.createElement("div"), document.createElement("div"));
        drawn.children[1].className = "snowpipe-buttons";
      }
      drawn.className = "snowpipe-row snowpipe-" + (row.kind || "plain");
      const [html, beside] = drawn.children;
      if (html.shown !== row.html) html.innerHTML = html.shown = row.html;
      while (beside.children.length > row.buttons.length) beside.lastChild.remove();
      row.buttons.forEach((button, number) => {
        let b = beside.children[number];
        if (!b) {
          b = beside.appendChild(document.createElement("button"));
          b.onclick = () => model.send({press: [at, number]});
        }
        if (b.textContent !== button.label) b.textContent = button.label;
        b.title = button.title;
        b.disabled = !button.enabled;
      });
    });
  };
  model.on("change:rows", draw);
  draw();
  return () => model.off("change:rows", draw);
}
export default {render};
"""


class _Widget(ipywidgets.DOMWidget):  # type: ignore[misc]  # ipywidgets is not typed
    """What the script draws."""

    _esm = traitlets.Unicode(SCRIPT).tag(sync=True)
    frame = traitlets.Unicode().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)


class MarimoFrame:
    """A widget in marimo's cells.

    Args:
        still: makes text and HTML of the present state.
        bare: draws no border.
    """

    def __init__(self, still: Still, *, bare: bool = False) -> None:
        self._still = still
        self._rows: Sequence[Row] = ()
        self._over = False
        frame = boxed('<div class="snowpipe-rows"></div>', bare=bare)
        self._widget = _Widget(frame=f'<div class="snowpipe-marimo">{frame}</div>')
        self._widget.on_msg(self._hear)
        self._element = _marimo().ui.anywidget(self._widget)

    @property
    def closed(self) -> bool:
        """Whether the widget was closed, as after its cell was run again."""
        return self._widget.comm is None

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows in the cell that runs now, or the plain form if that is what is left."""
        _marimo().output.append(self.as_value(rows))

    def as_value(self, rows: Sequence[Row]) -> Any:
        """Return the element that marimo shows."""
        self.draw(rows)
        return self._element

    def draw(self, rows: Sequence[Row]) -> None:
        """Show these rows wherever the widget is shown."""
        if self._over:
            return
        self._rows = rows
        self._widget.rows = [
            {
                "html": row.html,
                "kind": row.kind,
                "buttons": [{"label": b.label, "title": b.title, "enabled": b.enabled} for b in row.buttons],
            }
            for row in rows
        ]

    def settle(self) -> None:
        """Put the plain form in the rows' place; a second call sends it again."""
        self._over = True
        self._rows = ()
        self._widget.rows = [{"html": plain(self._still()[1]), "kind": "", "buttons": []}]
        self._widget.send_state("rows")

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        """Press a button, unless it was removed meanwhile."""
        at, number = message["press"]
        if at < len(self._rows) and number < len(self._rows[at].buttons):
            self._rows[at].buttons[number].press()


def _marimo() -> Any:
    return sys.modules["marimo"]
