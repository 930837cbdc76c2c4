"""The live views of a notebook: a load, and a table of jobs. A frame draws them, in the way of its front end.

While something moves, a cell shows the frame's live form. At the end plain HTML takes its place: the saved
notebook, its export and a static viewer show that without a kernel, a script or the network, trusted or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

from ..shown import visible
from ..streaming.progress import Progress
from . import jobs, panel, texts
from .kernel import in_marimo
from .line import REPR_CHARACTERS, short
from .rows import Row, Steering, Still, buttons, cancel_all

INTERRUPT_HINT = "to cancel, interrupt the kernel (■); what is committed stays, and the same call goes on"


class Frame(Protocol):
    """Shows rows in cells, and in the end a plain form."""

    @property
    def closed(self) -> bool:
        """Whether it can no longer show anything."""

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows in the cell that runs now, or the plain form if that is what is left."""

    def draw(self, rows: Sequence[Row]) -> None:
        """Show these rows wherever the frame is shown."""

    def settle(self) -> None:
        """Put the plain form in their place; a second call sends it again."""

    def as_value(self, rows: Sequence[Row]) -> Any:
        """Return what the front end shows for a cell's last value."""


def new_frame(still: Still, *, bare: bool = False) -> Frame:
    """Make a frame for the front end of this process.

    Args:
        still: makes the plain form.
        bare: draws no border.
    """
    if in_marimo():
        from .marimo import MarimoFrame

        return MarimoFrame(still, bare=bare)
    from .jupyter import JupyterFrame

    return JupyterFrame(still, bare=bare)


class LoadView:
    """A load in a cell.

    Args:
        read: returns the load's present state.
        steering: what the buttons steer; None draws none, as in a cell that blocks.
        compact: shows one line only, and why a load stopped.
    """

    def __init__(
        self, read: Callable[[], Progress], steering: Steering | None = None, *, compact: bool = False
    ) -> None:
        self._read = read
        self._steering = steering
        self._compact = compact
        self._frame = new_frame(self._still, bare=compact)

    def show(self) -> None:
        """Show the load in the cell that runs now."""
        self._frame.show(self._rows(self._read()))

    def draw(self) -> bool:
        """Show the present state; returns whether it may change."""
        progress = self._read()
        self._frame.draw(self._rows(progress))
        return not progress.ended

    def draw_last(self) -> None:
        """Leave a line, which opens unless it is compact."""
        self._frame.settle()

    def as_value(self) -> Any:
        """Return what shows the load as a cell's last value."""
        return self._frame.as_value(self._rows(self._read()))

    def _rows(self, progress: Progress) -> list[Row]:
        steered = buttons(self._steering, progress, "load")
        line = panel.line(progress)
        if self._compact:
            return [Row(line, steered), Row(panel.notes(progress))]
        hint = "" if self._steering else INTERRUPT_HINT
        return [
            Row(line),
            Row(panel.notes(progress)),
            Row(panel.switch(hint), steered, "switch"),
            Row(panel.details(progress), kind="more"),
        ]

    def _still(self) -> tuple[str, str]:
        progress = self._read()
        html = panel.line(progress) + panel.notes(progress) if self._compact else panel.folded(progress)
        return short(progress), html


class JobsView:
    """Several jobs, each a row of one table with its buttons, and their total.

    Args:
        jobs: what reports the state of each one, and what steers it.
    """

    def __init__(self, jobs: Sequence[tuple[Callable[[], Progress], Steering]]) -> None:
        self._reads = [read for read, _ in jobs]
        self._steerings = [steering for _, steering in jobs]
        self._frame = new_frame(self._still)

    def show(self) -> None:
        """Show the table in the cell that runs now."""
        self._frame.show(self._rows(self._states()))

    def draw(self) -> bool:
        """Show the present state; returns whether it may change."""
        states = self._states()
        self._frame.draw(self._rows(states))
        return not all(state.ended for state in states)

    def draw_last(self) -> None:
        """Leave the table without buttons."""
        self._frame.settle()

    def as_value(self) -> Any:
        """Return what shows the jobs as a cell's last value."""
        return self._frame.as_value(self._rows(self._states()))

    def _states(self) -> list[Progress]:
        return [read() for read in self._reads]

    def _rows(self, states: list[Progress]) -> list[Row]:
        rows = [
            Row(
                jobs.table([state], head=number == 0),
                buttons(steering, state, visible(state.channel)),
                "job",
            )
            for number, (state, steering) in enumerate(zip(states, self._steerings, strict=True))
        ]
        if len(states) > 1:
            rows.append(Row(jobs.sum_table(states), cancel_all(self._steerings, states), "job"))
        return [*rows, Row("".join(map(panel.notes, states)))]

    def _still(self) -> tuple[str, str]:
        states = self._states()
        text = "; ".join(_summary(target, same) for target, same in groupby(states, texts.target))
        return text[:REPR_CHARACTERS], jobs.whole_table(states) + "".join(map(panel.notes, states))


def _summary(target: str, states: Iterable[Progress]) -> str:
    """Say how far the jobs of a target are."""
    return f"{target} {', '.join(f'{visible(job.channel)}: {texts.headline(job)}' for job in states)}"
