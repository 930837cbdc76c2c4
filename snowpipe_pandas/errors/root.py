"""The root of all errors: its text begins with the load's place, and it travels between processes."""

from __future__ import annotations

from typing import Any

from ..load_facts import LoadFacts
from ..shown import visible
from ..tracebacks import rendered


class SnowpipeError(Exception):
    """Root of every error raised by this package.

    As text it is one line that no screen obeys, and begins with the load's place where it has one. `args`
    hold the message as it is.
    """

    load: LoadFacts | None = None
    place: str | None = None
    """Where the load goes that it ended, and by which name: "-> DEMO.PUBLIC.T, load 'a', channel 'a'"."""
    goes_on = True
    """Whether the same call, with the load's id, can go on where the load stopped."""

    def __str__(self) -> str:
        message = visible(super().__str__())
        return message if self.place is None else f"{self.place}: {message}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of the error, which calls this."""
        return rendered(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross processes (dask, multiprocessing); keyword-only facts would be lost by the default.
        return restored, (type(self), self.args, self.__dict__)


def restored(kind: type[SnowpipeError], args: tuple[Any, ...], facts: dict[str, Any]) -> SnowpipeError:
    """Make an error again where it was unpickled."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error
