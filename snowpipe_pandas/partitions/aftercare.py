"""What the result of a load in partitions offers: its rejected rows, as they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ..api.rejected import Whose, rejected_rows
from ..errors import UsageError
from .spec import LoadSpec

if TYPE_CHECKING:
    from ..sql.door import DataFrame


class PartitionsAftercare:
    """The way from a load in partitions to its table.

    Args:
        spec: what the load was.
    """

    given = None

    def __init__(self, spec: LoadSpec) -> None:
        self._spec = spec

    @property
    def door(self) -> NoReturn:
        """Refused: the clients of such a load are closed."""
        raise UsageError("the clients of a load in partitions are closed; pass client= of your own")

    def rejected(self) -> DataFrame:
        """Return the rejected rows as they were sent; the engine has the rows that they came from."""
        with self._spec.connect() as client:
            name = self._spec.at(client).name
            whose = Whose(self._spec.load_id, name.table, name.pipe, channel=None, elastic_since=None)
            return rejected_rows(client, whose, None, self._spec.encoder())

    def repair(self, fixed: Any, *, progress: Any) -> NoReturn:
        """Refused: it is unknown which rows of the engine they are."""
        raise UsageError(
            "rejected rows of a load in partitions are known by their text alone: correct them, and send "
            'them as a load of their own, such as stream(fixed, table, load_id="2013-fixed")'
        )
