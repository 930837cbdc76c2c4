"""Live views in a notebook: ipywidgets around the HTML of `panel.py`, and what stays of them.

While something moves, a cell shows a widget. At the end its place is taken by plain HTML: the saved notebook,
its export and a static viewer show that without a kernel, a script or the network, trusted or not.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import ipywidgets
from IPython.display import display

from ..shown import visible
from ..streaming.progress import Progress
from . import panel, texts
from .line import REPR_CHARACTERS, short
from .style import STYLE, boxed, plain

BUTTON_WIDTH = "88px"
"""Enough for every label, so that nothing moves when a label changes."""

INTERRUPT_HINT = (
    "To cancel, interrupt the kernel (■). What is committed stays, and the same call goes on behind it."
)


class Steering(Protocol):
    """What buttons do to a load; `streaming.control.Control` is one."""

    @property
    def paused(self) -> bool:
        """Whether it is to wait."""

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop."""

    def pause(self) -> None:
        """Let it wait."""

    def resume(self) -> None:
        """Let it go on."""

    def cancel(self) -> None:
        """Let it stop."""


class Frame:
    """A box of widgets in the cells that show it, and the plain HTML that takes its place.

    Args:
        children: what the box holds.
        still: makes text and HTML of the present state, for viewers without widgets.
    """

    def __init__(self, children: Sequence[Any], still: Callable[[], tuple[str, str]]) -> None:
        self._box = ipywidgets.VBox([html_widget(STYLE), *children])
        self._box.add_class("snowpipe-box").add_class("snowpipe")
        self._still = still
        self._handles: list[Any] = []
        self._last: Any = None

    @property
    def closed(self) -> bool:
        """Whether the box is gone, as after `Widget.close_all()`."""
        return self._box.comm is None

    def show(self) -> None:
        """Show the box in the cell that runs now, or the plain form if that is what is left."""
        live = {} if self.closed or self._last else self._box._repr_mimebundle_()
        self._handles.append(display(live | self._still_bundle(), raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def settle(self) -> None:
        """Let the plain form take the box's place; once more sends it again.

        A page that was loaded anew no longer knows which output is whose, so the box itself shows it too.
        """
        if self._last is None:
            self._last = html_widget(plain(self._still()[1]))
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
        return {"text/plain": text, "text/html": boxed(html)}


class LoadView:
    """A load in a cell.

    Args:
        read: returns the load's present state.
        steering: what the buttons steer; None draws none, as in a cell that blocks.
    """

    def __init__(self, read: Callable[[], Progress], steering: Steering | None = None) -> None:
        self._read = read
        self._body = html_widget()
        self._buttons = None if steering is None else Buttons(steering, "load")
        foot = html_widget(plain(panel.hint(INTERRUPT_HINT))) if self._buttons is None else self._buttons.box
        self._frame = Frame([self._body, foot], self._still)

    def show(self) -> None:
        """Show the load in the cell that runs now."""
        self.draw()
        self._frame.show()

    def draw(self) -> bool:
        """Show what is so now; returns whether it may change."""
        progress = self._read()
        self._body.value = plain(panel.load(progress))
        if self._buttons is not None:
            self._buttons.draw(progress)
        return not progress.ended

    def draw_last(self) -> None:
        """Fold the view into a line that can be opened."""
        self._frame.settle()

    def _still(self) -> tuple[str, str]:
        progress = self._read()
        return short(progress), panel.folded(progress) if progress.ended else panel.load(progress)


class JobsView:
    """Several jobs, each a row of one table with its buttons.

    Args:
        jobs: what tells the state of each one, and what steers it.
    """

    def __init__(self, jobs: Sequence[tuple[Callable[[], Progress], Steering]]) -> None:
        self._reads = [read for read, _ in jobs]
        states = self._states()
        self._rows = [html_widget(flex="1 1 260px") for _ in jobs]
        self._buttons = [
            Buttons(steering, visible(state.channel))
            for (_, steering), state in zip(jobs, states, strict=True)
        ]
        self._notes = html_widget()
        lines = [
            ipywidgets.HBox(
                [row, buttons.box], layout=ipywidgets.Layout(flex_flow="row wrap", align_items="flex-end")
            )
            for row, buttons in zip(self._rows, self._buttons, strict=True)
        ]
        self._frame = Frame([*lines, self._notes], self._still)

    def show(self) -> None:
        """Show the table in the cell that runs now."""
        self.draw()
        self._frame.show()

    def draw(self) -> bool:
        """Show what is so now; returns whether it may change."""
        states = self._states()
        for number, state in enumerate(states):
            row = panel.job_table([panel.job_row(state)], head=number == 0)
            self._rows[number].value = plain(row)
            self._buttons[number].draw(state)
        self._notes.value = plain("".join(map(panel.notes, states)))
        return not all(state.ended for state in states)

    def draw_last(self) -> None:
        """Leave the table without buttons."""
        self._frame.settle()

    def _states(self) -> list[Progress]:
        return [read() for read in self._reads]

    def _still(self) -> tuple[str, str]:
        states = self._states()
        text = "; ".join(_told(target, same) for target, same in groupby(states, texts.target))
        html = panel.job_table(list(map(panel.job_row, states))) + "".join(map(panel.notes, states))
        return text[:REPR_CHARACTERS], html


def _told(target: str, jobs: Iterable[Progress]) -> str:
    """Say how far the jobs of a target are."""
    return f"{target} {', '.join(f'{visible(job.channel)}: {texts.headline(job)}' for job in jobs)}"


class Buttons:
    """Pause or resume, and cancel, for one load."""

    def __init__(self, steering: Steering, name: str) -> None:
        self._steering = steering
        self._name = name
        self._pause = ipywidgets.Button(layout=ipywidgets.Layout(width=BUTTON_WIDTH))
        self._cancel = ipywidgets.Button(
            description="Cancel", tooltip=f"Cancel {name}", layout=ipywidgets.Layout(width=BUTTON_WIDTH)
        )
        self._pause.on_click(self._on_pause)
        self._cancel.on_click(self._on_cancel)
        self.box = ipywidgets.HBox([self._pause, self._cancel])
        self.box.add_class("snowpipe-buttons")
        self._label()

    def draw(self, progress: Progress) -> None:
        """Enable what makes sense now."""
        stopping = progress.ended or self._steering.cancelled
        self._cancel.disabled = stopping
        # While the last rows are committed there is nothing that could wait.
        self._pause.disabled = stopping or progress.phase == "committing"
        self._label()

    def _on_pause(self, _: object) -> None:
        if self._steering.paused:
            self._steering.resume()
        else:
            self._steering.pause()
        self._label()

    def _on_cancel(self, _: object) -> None:
        self._steering.cancel()
        self._pause.disabled = self._cancel.disabled = True
        self._label()

    def _label(self) -> None:
        self._pause.description = verb = "Resume" if self._steering.paused else "Pause"
        self._pause.tooltip = f"{verb} {self._name}"
        self._cancel.description = "Cancelling" if self._steering.cancelled else "Cancel"


def html_widget(value: str = "", *, flex: str | None = None) -> Any:
    """Make a widget for HTML that changes."""
    widget = ipywidgets.HTML(value, layout=ipywidgets.Layout(flex=flex, min_width="0"))
    widget.add_class("snowpipe-html")
    return widget


def _family(widget: Any) -> list[Any]:
    """List a widget with all that it holds; what others hold on to comes last."""
    inner = [found for child in getattr(widget, "children", ()) for found in _family(child)]
    return [widget, *inner, *(getattr(widget, name) for name in ("style", "layout") if hasattr(widget, name))]
