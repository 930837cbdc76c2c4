"""What can be done for a load once it is over, as offered by its result and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from .rest.of_client import Door
    from .streaming.result import StreamResult


class Aftercare(Protocol):
    """Leads from a load that is over to its source, its table and its client; made by `api`."""

    @property
    def door(self) -> Door:
        """The client, as far as it runs SQL."""

    @property
    def given(self) -> Any:
        """The source of the load; None where it can't be read again, or was not kept."""

    def rejected(self) -> pd.DataFrame:
        """Return the rows that the service has rejected."""

    def repair(self, fixed: Any, *, progress: Any) -> StreamResult:
        """Send corrected rows."""


class OfRejectedRows:
    """What an error of rejected rows offers; a copy made by pickle has no way back."""

    _aftercare: Aftercare | None = None

    def rejected(self) -> pd.DataFrame:
        """Return the rejected rows, as `StreamResult.rejected` does."""
        return way_back(self._aftercare).rejected()

    def repair(self, fixed: pd.DataFrame, *, progress: Any = "auto") -> StreamResult:
        """Send corrected rows in place of the rejected ones, as `StreamResult.repair` does.

        If the load stopped at rejected rows, the rest of its rows has not been sent: the same call with
        `on_error="report"` sends it.
        """
        return way_back(self._aftercare).repair(fixed, progress=progress)


def way_back(aftercare: Aftercare | None) -> Aftercare:
    """Return what leads a result or an error back to its source and client.

    Raises:
        UsageError: there is none: it was made in another process, or belongs to a part of a load.
    """
    if aftercare is None:
        from .errors import UsageError  # which imports this module

        raise UsageError(
            "a result or error made in another process, or of a part of a load, can't reach its rows: run "
            "the load again with its load_id, which sends nothing twice, and use what that gives"
        )
    return aftercare
