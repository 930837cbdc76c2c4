"""What a live view consists of, whatever front end draws it: rows of HTML, some with buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..streaming.progress import Progress

Still: TypeAlias = Callable[[], tuple[str, str]]
"""Makes the plain form of a view, which needs no kernel: a line of text, and HTML."""


class Steering(Protocol):
    """What buttons do to a load; `streaming.control.Control` is one."""

    @property
    def paused(self) -> bool:
        """Whether it is to wait."""

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop."""

    def pause(self) -> None:
        """Make it wait."""

    def resume(self) -> None:
        """Make it go on."""

    def cancel(self) -> None:
        """Make it stop."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button as it is now.

    Attributes:
        label: what is written on it.
        title: what it does, and to what.
        enabled: whether it can be pressed.
        press: does it; harmless if called twice, or late.
    """

    label: str
    title: str
    enabled: bool
    press: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a view. A view's rows keep their number and their buttons; only what they say changes.

    Attributes:
        html: what it shows.
        buttons: those after it.
        kind: a word by which the style sheet finds it, "" for none.
    """

    html: str
    buttons: tuple[Button, ...] = ()
    kind: str = ""


def buttons(steering: Steering | None, progress: Progress, name: str) -> tuple[Button, ...]:
    """Return the buttons that pause or resume a load, and cancel it; none without anything to steer."""
    if steering is None:
        return ()
    stopping = progress.ended or steering.cancelled
    pause, resume = steering.pause, steering.resume
    verb, turn = ("Resume", resume) if steering.paused else ("Pause", pause)
    # While the last rows are being committed there is nothing to pause.
    may_pause = not stopping and progress.phase != "committing"
    return Button(verb, f"{verb} {name}", may_pause, turn), _cancel(steering.cancel, name, stopping)


def cancel_all(steerings: list[Steering], states: list[Progress]) -> tuple[Button, ...]:
    """Return the button that cancels all jobs of a table which have not ended."""
    going = [one for one, state in zip(steerings, states, strict=True) if not state.ended]
    stopping = all(one.cancelled for one in going)

    def press() -> None:
        for one in steerings:
            one.cancel()

    return (_cancel(press, "all", stopping, " all"),)


def _cancel(press: Callable[[], None], name: str, stopping: bool, of: str = "") -> Button:
    return Button(f"Cancel{of}", f"Cancel {name}", not stopping, press)
