"""The root of all errors: its text begins with the load's place, and it can be pickled."""

from __future__ import annotations

from typing import Any

from ..load_facts import LoadFacts
from ..shown import visible
from ..tracebacks import rendered


class SnowpipeError(Exception):
    """Root of every error raised by this package.

    As text it is one line without control characters, and begins with the load's place where it has one.
    `args` hold the original message.
    """

    load: LoadFacts | None = None
    place: str | None = None
    """Target and names of the load that it ended: "-> DEMO.PUBLIC.T, load 'a', channel 'a'"."""
    goes_on = True
    """Whether the same call, with the load's id, can go on where the load stopped."""

    def __str__(self) -> str:
        message = visible(super().__str__())
        return message if self.place is None else f"{self.place}: {message}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of the error, which calls this."""
        return rendered(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross processes (dask, multiprocessing); the default would lose keyword-only facts.
        return restored, (type(self), self.args, self.__dict__)


def restored(kind: type[SnowpipeError], args: tuple[Any, ...], facts: dict[str, Any]) -> SnowpipeError:
    """Recreate an error where it is unpickled."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error
